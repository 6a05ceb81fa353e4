import { Refusal, Unreachable } from '../api/refusal.ts';
import { Button } from './button.tsx';
import { CopyIconButton } from './copy.tsx';
import { Prose } from './prose.tsx';

function words(cause: unknown): { happened: string; todo: string } {
  if (cause instanceof Unreachable) {
    return {
      happened: 'The server did not answer.',
      todo: 'It may be stopped, or the network is down. Nothing was changed unless it says so later.',
    };
  }
  if (cause instanceof Refusal) {
    if (cause.status === 403) return { happened: cause.message, todo: 'Ask an admin or the owner.' };
    if (cause.status === 503) {
      const wait = cause.retryAfterSeconds;
      return { happened: cause.message, todo: wait === null ? 'Try again soon.' : `Try again in ${wait} s.` };
    }
    if (cause.status >= 500)
      return { happened: cause.message, todo: 'Try again; if it stays, report the id.' };
    return { happened: cause.message, todo: '' };
  }
  return { happened: 'The console made a mistake of its own.', todo: String(cause) };
}

function requestIdOf(cause: unknown): string | null {
  return cause instanceof Refusal ? cause.requestId : null;
}

/** What happened, what to do, and the id under which the server's log knows it. */
export function Failure({ cause, retry, title }: { cause: unknown; retry?: () => void; title?: string }) {
  const { happened, todo } = words(cause);
  const requestId = requestIdOf(cause);
  return (
    <div role="alert" className="rounded-lg border border-line bg-bad-wash px-4 py-3 text-body">
      <p className="font-medium text-bad">{title ?? <Prose text={happened} />}</p>
      {title && (
        <p className="mt-0.5">
          <Prose text={happened} />
        </p>
      )}
      {todo && <p className="mt-0.5">{todo}</p>}
      {(requestId || retry) && (
        <div className="mt-2 flex flex-wrap items-center gap-x-3 gap-y-1">
          {retry && (
            <Button small onClick={retry}>
              Try again
            </Button>
          )}
          {requestId && (
            <span className="inline-flex items-center gap-1 text-data text-muted">
              Request <code>{requestId}</code>
              <CopyIconButton text={requestId} what="the request id" />
            </span>
          )}
        </div>
      )}
    </div>
  );
}
