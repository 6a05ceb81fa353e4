import { useMutation } from '@tanstack/react-query';
import { type FormEvent, type ReactNode, useState } from 'react';
import { Button } from './button.tsx';
import { Dialog, DialogActions } from './dialog.tsx';
import { Failure } from './failure.tsx';
import { Field } from './field.tsx';

interface Props {
  title: string;
  /** What will happen, with its numbers. */
  children: ReactNode;
  /** What has to be typed. */
  name: string;
  /** Another word for the same, which will do as well. */
  otherName?: string | null;
  /** Choices that belong to it, after what will happen. */
  choices?: ReactNode;
  action: string;
  run: () => Promise<unknown>;
  onClose: () => void;
}

/** The door in front of what cannot be undone: its name has to be typed. */
export function ConfirmByName(props: Props) {
  const { title, children, name, otherName, choices, action, run, onClose } = props;
  const [typed, setTyped] = useState('');
  const isNamed = typed === name || (Boolean(otherName) && typed === otherName);
  const acting = useMutation({ mutationFn: run, onSuccess: onClose });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (isNamed) acting.mutate();
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <form onSubmit={submit}>
        <div className="mb-4 space-y-2">{children}</div>
        <Field
          label={`Type ${name}${otherName && otherName !== name ? ` or ${otherName}` : ''} to confirm`}
          value={typed}
          onChange={(event) => setTyped(event.target.value)}
          autoComplete="off"
          spellCheck={false}
          autoFocus
        />
        {choices && <div className="mt-3">{choices}</div>}
        {acting.error && (
          <div className="mt-3">
            <Failure cause={acting.error} />
          </div>
        )}
        <DialogActions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="danger" disabled={!isNamed} busy={acting.isPending}>
            {action}
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}
