import { useMutation, useQuery } from '@tanstack/react-query';
import { useNavigate, useRouter, useSearch } from '@tanstack/react-router';
import { type FormEvent, type ReactNode, useEffect, useState } from 'react';
import { Refusal } from '../api/refusal.ts';
import { sessionQuery, signIn } from '../api/session.ts';
import { queryClient } from '../query-client.ts';
import { Button } from '../ui/button.tsx';
import { Failure } from '../ui/failure.tsx';
import { Field } from '../ui/field.tsx';

/** The narrow page of somebody who is not signed in. */
export function Door({ title, line, children }: { title: string; line?: ReactNode; children: ReactNode }) {
  useEffect(() => {
    document.title = `${title} · Muster`;
  }, [title]);
  return (
    <main className="mx-auto flex min-h-full w-full max-w-[392px] flex-col px-6 pt-[14vh] pb-12">
      <p className="mb-7 flex items-center gap-2 text-[15px] font-semibold">
        <span
          aria-hidden="true"
          className="flex size-7 items-center justify-center rounded-lg bg-accent font-semibold text-accent-ink"
        >
          M
        </span>
        Muster
      </p>
      <h1 className="text-title font-semibold">{title}</h1>
      {line && <p className="mt-1 text-muted">{line}</p>}
      <div className="mt-6">{children}</div>
    </main>
  );
}

export function SignIn() {
  const { to } = useSearch({ from: '/sign-in' });
  const navigate = useNavigate();
  const router = useRouter();
  const [entered, setEntered] = useState({ email: '', password: '' });
  const session = useQuery({ ...sessionQuery, retry: false });
  const hasNoOwner = session.error instanceof Refusal && session.error.code === 'owner_missing';
  const goOn = () => (to ? router.history.push(to) : void navigate({ to: '/' }));
  const signingIn = useMutation({
    mutationFn: signIn,
    onSuccess: (answer) => {
      queryClient.setQueryData(sessionQuery.queryKey, answer);
      goOn();
    },
  });
  const isSignedIn = session.isSuccess && !session.isFetching;
  // biome-ignore lint/correctness/useExhaustiveDependencies: only the moment in which the session is known counts
  useEffect(() => {
    if (isSignedIn && signingIn.isIdle) goOn();
  }, [isSignedIn]);
  if (hasNoOwner) return <NoOwner />;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    signingIn.mutate(entered);
  };
  return (
    <Door title="Sign in">
      <form onSubmit={submit} className="space-y-4">
        <Field
          label="E-mail"
          type="email"
          name="email"
          autoComplete="username"
          required
          autoFocus
          value={entered.email}
          onChange={(event) => setEntered({ ...entered, email: event.target.value })}
        />
        <Field
          label="Password"
          type="password"
          name="password"
          autoComplete="current-password"
          required
          value={entered.password}
          onChange={(event) => setEntered({ ...entered, password: event.target.value })}
        />
        {signingIn.error && <Failure cause={signingIn.error} />}
        <Button type="submit" look="primary" className="w-full" busy={signingIn.isPending}>
          Sign in
        </Button>
      </form>
      <p className="mt-5 text-data text-muted">
        Forgot the password? An owner or admin can remove you and invite you again. The owner runs{' '}
        <code>muster owner reset</code> on the server.
      </p>
    </Door>
  );
}

function NoOwner() {
  return (
    <Door title="This server has no owner yet" line="Whoever started it becomes its owner.">
      <p>
        At its first start the server printed a link that works once. Open it to choose a name and a password.
        If the link got lost, this prints a new one:
      </p>
      <pre className="mt-3 rounded-lg border border-line bg-surface px-3 py-2">muster owner reset</pre>
      <p className="mt-3 text-muted">
        Run it on the machine that the server runs on, with the same data directory.
      </p>
    </Door>
  );
}
