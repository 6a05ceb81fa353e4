import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { keysQuery, makeKey } from '../api/settings.ts';
import type { Call } from '../api/types.ts';
import { useEnvironment, useMay, useOrigin } from '../frame/session.ts';
import type { LiveState } from '../live-feed.ts';
import { firstCallSnippets, KEY_PLACE } from '../text/snippets.ts';
import { Button } from '../ui/button.tsx';
import { classNames } from '../ui/class-names.ts';
import { CopyButton } from '../ui/copy.tsx';
import { Failure } from '../ui/failure.tsx';
import { Prose } from '../ui/prose.tsx';
import { Snippet } from '../ui/snippet.tsx';
import { State, Status } from '../ui/status.tsx';

/** What stands on Home until something arrives: one call to paste, and the wait for it. */
export function FirstCall({ live }: { live: LiveState }) {
  const environment = useEnvironment();
  const origin = useOrigin();
  const mayMakeKeys = useMay('admin');
  const cache = useQueryClient();
  const [chosen, setChosen] = useState('curl');
  const making = useMutation({
    mutationFn: () => makeKey(environment.id, { name: 'First call', scopes: ['ingest'] }),
    onSuccess: () => void cache.invalidateQueries(keysQuery(environment.id)),
  });
  const snippets = firstCallSnippets(origin, making.data?.secret ?? KEY_PLACE);
  const snippet = snippets.find(({ id }) => id === chosen) ?? snippets[0];
  const refused = live.calls.find(({ outcome }) => outcome === 'refused');
  return (
    <div className="max-w-[760px]">
      <h2 className="text-[17px] leading-7 font-semibold">Send the first call</h2>
      <p className="max-w-[64ch] text-muted">
        It tells Muster about one user, Ada Lovelace, and her company. This page notices when it arrives.
      </p>

      <div className="mt-5">
        <h3 className="text-data font-medium">1. A key</h3>
        {making.data ? (
          <p className="mt-1">
            The key <strong className="font-semibold">{making.data.key.name}</strong> stands in the snippets
            below. This is the only time its secret is shown.
          </p>
        ) : (
          <div className="mt-1 flex flex-wrap items-center gap-3">
            {mayMakeKeys ? (
              <>
                <Button look="primary" busy={making.isPending} onClick={() => making.mutate()}>
                  Make a key and put it into the snippets
                </Button>
                <span className="text-muted">
                  or use one that you have in place of <code>{KEY_PLACE}</code>
                </span>
              </>
            ) : (
              <p className="text-muted">
                Put an API key in place of <code>{KEY_PLACE}</code>. Admins make keys.
              </p>
            )}
          </div>
        )}
        {making.error && (
          <div className="mt-3">
            <Failure cause={making.error} />
          </div>
        )}
      </div>

      <div className="mt-6">
        <h3 className="text-data font-medium">2. The call</h3>
        <div
          role="tablist"
          aria-label="Ways to send it"
          className="mt-1 flex gap-4 overflow-x-auto border-b border-line"
        >
          {snippets.map(({ id, title }) => (
            <button
              key={id}
              type="button"
              role="tab"
              id={`tab-${id}`}
              aria-selected={id === snippet?.id}
              aria-controls="snippet"
              onClick={() => setChosen(id)}
              className={classNames(
                '-mb-px h-9 shrink-0 border-b-2 text-body',
                id === snippet?.id
                  ? 'border-accent font-medium'
                  : 'border-transparent text-muted hover:text-ink',
              )}
            >
              {title}
            </button>
          ))}
        </div>
        {snippet && (
          <div role="tabpanel" id="snippet" aria-labelledby={`tab-${snippet.id}`}>
            <div className="mt-3 flex items-start justify-between gap-4">
              <p className="max-w-[64ch] text-muted">{snippet.where}</p>
              <CopyButton text={snippet.text} />
            </div>
            <div className="mt-2">
              <Snippet label={`${snippet.title} snippet`} text={snippet.text} />
            </div>
          </div>
        )}
      </div>

      <div className="mt-6" aria-live="polite">
        <h3 className="text-data font-medium">3. Its arrival</h3>
        <div className="mt-2 flex items-center gap-2.5 text-muted">
          <span aria-hidden="true" className="pulse size-2 rounded-full bg-accent" />
          {live.connection === 'lost' ? (
            <State tone="bad">The connection to the server was lost; trying again</State>
          ) : (
            'Waiting for the first call'
          )}
        </div>
        {refused && (
          <div className="slide-in mt-3 rounded-lg bg-bad-wash px-4 py-3">
            <p>
              <Status status={refused.status} /> A call arrived and was refused.{' '}
              <Prose text={refused.errors[0]?.message ?? ''} />
            </p>
            <Link to="/live" search={{ call: refused.sequence }} className="link text-data">
              See what was sent
            </Link>
          </div>
        )}
      </div>
    </div>
  );
}

const NEWS_MS = 15 * 60_000;
const SAME_CALL_MS = 2_000;

/** The first call, for a quarter of an hour after it came: what it was and where it went. */
export function FirstCallArrived({ firstCallAt, live }: { firstCallAt: string | null; live: LiveState }) {
  const [isClosed, setClosed] = useState(false);
  const first = live.calls.findLast(({ outcome }) => outcome === 'stored');
  // On a busy server the first one is no longer among the calls that are kept.
  const isTheFirst =
    first !== undefined && Date.parse(first.at) - Date.parse(firstCallAt ?? first.at) < SAME_CALL_MS;
  if (isClosed || !isTheFirst || Date.now() - Date.parse(first.at) > NEWS_MS) return null;
  return (
    <div role="status" className="slide-in mb-6 rounded-lg border border-line bg-surface px-4 py-3.5">
      <p className="text-[15px] leading-6 font-semibold">Your first call arrived</p>
      <p className="mt-1 flex flex-wrap items-baseline gap-x-2">
        <Status status={first.status} />
        <span className="mono">
          {first.method} {first.path}
        </span>
        <SubjectLink call={first} />
      </p>
      <p className="mt-2 flex flex-wrap gap-x-5 gap-y-1 text-data">
        <Link to="/live" search={{ call: first.sequence }} className="link">
          Open the call
        </Link>
        <button type="button" className="link" onClick={() => setClosed(true)}>
          Dismiss
        </button>
      </p>
    </div>
  );
}

function SubjectLink({ call }: { call: Call }) {
  if (!call.subject?.id || call.subject.kind === null) return null;
  const to = call.subject.kind === 'user' ? '/users/$id' : '/companies/$id';
  return (
    <Link to={to} params={{ id: call.subject.id }} search={{}} className="link">
      {call.subject.kind} {call.subject.id}
    </Link>
  );
}
