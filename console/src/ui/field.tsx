import { type InputHTMLAttributes, type ReactNode, type Ref, type SelectHTMLAttributes, useId } from 'react';
import { classNames } from './class-names.ts';

export const INPUT =
  'h-8 w-full min-w-0 rounded-md border border-line-strong bg-ground px-2.5 text-body text-ink hover:border-muted focus-visible:border-accent focus-visible:outline-1 focus-visible:outline-offset-0 disabled:bg-surface disabled:text-muted';

interface Labelled {
  label: string;
  hint?: ReactNode;
  error?: string | null;
}

type InputProps = InputHTMLAttributes<HTMLInputElement> & Labelled & { ref?: Ref<HTMLInputElement> };

export function Field({ label, hint, error, className, ...rest }: InputProps) {
  const id = useId();
  return (
    <div className={className}>
      <label htmlFor={id} className="mb-1 block text-data font-medium">
        {label}
      </label>
      <input
        id={id}
        aria-invalid={error ? true : undefined}
        aria-describedby={hint || error ? `${id}-hint` : undefined}
        className={classNames(INPUT, error && 'border-bad')}
        {...rest}
      />
      <Hint id={`${id}-hint`} hint={hint} error={error} />
    </div>
  );
}

type SelectProps = SelectHTMLAttributes<HTMLSelectElement> & Labelled;

export function SelectField({ label, hint, error, className, children, ...rest }: SelectProps) {
  const id = useId();
  return (
    <div className={className}>
      <label htmlFor={id} className="mb-1 block text-data font-medium">
        {label}
      </label>
      <select id={id} aria-describedby={hint || error ? `${id}-hint` : undefined} className={INPUT} {...rest}>
        {children}
      </select>
      <Hint id={`${id}-hint`} hint={hint} error={error} />
    </div>
  );
}

export function Checkbox({ label, hint, ...rest }: InputHTMLAttributes<HTMLInputElement> & Labelled) {
  const id = useId();
  return (
    <div className="flex items-start gap-2.5 py-1">
      <input id={id} type="checkbox" className="mt-[3px] size-4 shrink-0 accent-accent" {...rest} />
      <label htmlFor={id} className="text-body">
        {label}
        {hint && <span className="block text-data text-muted">{hint}</span>}
      </label>
    </div>
  );
}

function Hint({ id, hint, error }: { id: string; hint?: ReactNode; error?: string | null }) {
  if (!hint && !error) return null;
  return (
    <p id={id} className={classNames('mt-1 text-data', error ? 'text-bad' : 'text-muted')}>
      {error ?? hint}
    </p>
  );
}
