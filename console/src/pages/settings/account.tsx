import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import {
  PASSWORD_CHARS_MAX,
  PASSWORD_CHARS_MIN,
  sessionQuery,
  signOutEverywhere,
} from '../../api/session.ts';
import { changeMyself } from '../../api/settings.ts';
import { Section } from '../../frame/page.tsx';
import { useSession } from '../../frame/session.ts';
import { Button } from '../../ui/button.tsx';
import { ConfirmByName } from '../../ui/confirm.tsx';
import { Failure } from '../../ui/failure.tsx';
import { Field } from '../../ui/field.tsx';
import { State } from '../../ui/status.tsx';

export function Account() {
  return (
    <>
      <Name />
      <Password />
      <Sessions />
    </>
  );
}

function Name() {
  const { member } = useSession();
  const cache = useQueryClient();
  const [name, setName] = useState(member.name);
  const changing = useMutation({
    mutationFn: () => changeMyself({ name }),
    onSuccess: () => cache.invalidateQueries(sessionQuery),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    changing.mutate();
  };
  return (
    <Section title="Your name" line={`You sign in as ${member.email}.`}>
      <form onSubmit={submit} className="flex max-w-[420px] items-end gap-2">
        <Field
          label="Name"
          required
          maxLength={64}
          autoComplete="name"
          className="flex-1"
          value={name}
          onChange={({ target }) => setName(target.value)}
        />
        <Button type="submit" disabled={name === member.name} busy={changing.isPending}>
          Save
        </Button>
      </form>
      {changing.error && (
        <div className="mt-3">
          <Failure cause={changing.error} />
        </div>
      )}
    </Section>
  );
}

const NOTHING_ENTERED = { current: '', new: '' };

function Password() {
  const [entered, setEntered] = useState(NOTHING_ENTERED);
  const changing = useMutation({
    mutationFn: () => changeMyself({ password: entered }),
    onSuccess: () => setEntered(NOTHING_ENTERED),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    changing.mutate();
  };
  return (
    <Section title="Password">
      <form onSubmit={submit} className="max-w-[420px] space-y-4">
        <Field
          label="Present password"
          type="password"
          required
          autoComplete="current-password"
          value={entered.current}
          onChange={({ target }) => setEntered({ ...entered, current: target.value })}
        />
        <Field
          label="New password"
          type="password"
          required
          minLength={PASSWORD_CHARS_MIN}
          maxLength={PASSWORD_CHARS_MAX}
          autoComplete="new-password"
          value={entered.new}
          onChange={({ target }) => setEntered({ ...entered, new: target.value })}
          hint={`At least ${PASSWORD_CHARS_MIN} characters.`}
        />
        {changing.error && <Failure cause={changing.error} />}
        <div className="flex items-center gap-3" aria-live="polite">
          <Button type="submit" busy={changing.isPending}>
            Change the password
          </Button>
          {changing.isSuccess && <State tone="good">Changed</State>}
        </div>
      </form>
    </Section>
  );
}

function Sessions() {
  const { member } = useSession();
  const cache = useQueryClient();
  const navigate = useNavigate();
  const [isAsking, setAsking] = useState(false);
  return (
    <Section
      title="Sign out everywhere"
      line="Ends every session of yours on every device, this one included. Do it when a device got lost."
    >
      <Button look="danger" onClick={() => setAsking(true)}>
        Sign out everywhere
      </Button>
      {isAsking && (
        <ConfirmByName
          title="Sign out everywhere"
          name={member.name}
          action="Sign out everywhere"
          run={async () => {
            await signOutEverywhere();
            cache.clear();
            await navigate({ to: '/sign-in', search: {} });
          }}
          onClose={() => setAsking(false)}
        >
          <p>All of your sessions end now. Keys and other people’s sessions stay.</p>
        </ConfirmByName>
      )}
    </Section>
  );
}
