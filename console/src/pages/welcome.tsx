import { useMutation, useQuery } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { type FormEvent, useEffect, useState } from 'react';
import { Refusal } from '../api/refusal.ts';
import {
  acceptLink,
  checkLink,
  PASSWORD_CHARS_MAX,
  PASSWORD_CHARS_MIN,
  sessionQuery,
} from '../api/session.ts';
import type { OneTimeLink } from '../api/types.ts';
import { queryClient } from '../query-client.ts';
import { Button, buttonClass } from '../ui/button.tsx';
import { Skeleton } from '../ui/empty.tsx';
import { Failure } from '../ui/failure.tsx';
import { Field } from '../ui/field.tsx';
import { Time } from '../ui/time.tsx';
import { Door } from './sign-in.tsx';

/** Where one-time links lead. The token is in the fragment, which browsers never send, so no log ever holds it. */
export function Welcome() {
  const [token] = useState(() => window.location.hash.slice(1));
  const link = useQuery({
    queryKey: ['link', token],
    queryFn: () => checkLink(token),
    enabled: token !== '',
    retry: false,
    staleTime: Number.POSITIVE_INFINITY,
  });
  // The address must not stay in the history with its token.
  useEffect(() => {
    if (token !== '') window.history.replaceState(window.history.state, '', window.location.pathname);
  }, [token]);
  if (link.data) return <Choose token={token} link={link.data} />;
  if (token !== '' && link.isPending) {
    return (
      <Door title="Welcome">
        <Skeleton />
      </Door>
    );
  }
  const isOver = token === '' || (link.error instanceof Refusal && link.error.status === 410);
  return (
    <Door title={isOver ? 'This link does not work any more' : 'Welcome'}>
      {isOver ? (
        <p>
          It was used already, it is too old, or part of it is missing. Ask whoever invited you for a new one;
          for the owner <code>muster owner reset</code> prints it.
        </p>
      ) : (
        <Failure cause={link.error} retry={() => void link.refetch()} />
      )}
      <Link to="/sign-in" search={{}} className={`${buttonClass()} mt-5`}>
        Sign in
      </Link>
    </Door>
  );
}

const TITLES: Record<OneTimeLink['purpose'], string> = {
  owner: 'Become the owner',
  member: 'Join Muster',
  reset: 'Choose a new password',
};

function lineFor(link: OneTimeLink): string {
  if (link.purpose === 'owner')
    return 'The owner may do everything: keys, environments, the team. You can add others later.';
  if (link.purpose === 'reset') return 'All of your sessions end once the new password is set.';
  return `You were invited as ${link.role === 'viewer' ? 'a' : 'an'} ${link.role}.`;
}

function Choose({ token, link }: { token: string; link: OneTimeLink }) {
  const navigate = useNavigate();
  const [entered, setEntered] = useState({ name: '', email: link.email ?? '', password: '' });
  const accepting = useMutation({
    mutationFn: () => acceptLink({ token, ...entered }),
    onSuccess: (answer) => {
      queryClient.clear();
      queryClient.setQueryData(sessionQuery.queryKey, answer);
      void navigate({ to: '/' });
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    accepting.mutate();
  };
  const set = (change: Partial<typeof entered>) => setEntered({ ...entered, ...change });
  return (
    <Door title={TITLES[link.purpose]} line={lineFor(link)}>
      <form onSubmit={submit} className="space-y-4">
        <Field
          label="Your name"
          name="name"
          autoComplete="name"
          required
          maxLength={64}
          autoFocus
          value={entered.name}
          onChange={(event) => set({ name: event.target.value })}
        />
        <Field
          label="E-mail"
          type="email"
          name="email"
          autoComplete="username"
          required
          readOnly={link.email !== null}
          value={entered.email}
          onChange={(event) => set({ email: event.target.value })}
          hint="You sign in with it. Muster sends no e-mail."
        />
        <Field
          label="Password"
          type="password"
          name="password"
          autoComplete="new-password"
          required
          minLength={PASSWORD_CHARS_MIN}
          maxLength={PASSWORD_CHARS_MAX}
          value={entered.password}
          onChange={(event) => set({ password: event.target.value })}
          hint={`At least ${PASSWORD_CHARS_MIN} characters. A few words are better than many signs.`}
        />
        {accepting.error && <Failure cause={accepting.error} />}
        <Button type="submit" look="primary" className="w-full" busy={accepting.isPending}>
          {link.purpose === 'reset' ? 'Set the password' : 'Go in'}
        </Button>
        <p className="text-data text-muted">
          The link works once and ends <Time at={link.expires_at} />
          {link.purpose === 'owner' && ', or when the server starts again, whichever comes first'}.
        </p>
      </form>
    </Door>
  );
}
