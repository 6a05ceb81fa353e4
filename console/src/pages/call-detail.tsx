import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { callQuery } from '../api/calls.ts';
import { Refusal } from '../api/refusal.ts';
import type { Call, Change, CallDetail as FullCall } from '../api/types.ts';
import { useEnvironment, useMay, useOrigin } from '../frame/session.ts';
import { bytes, duration } from '../text/number.ts';
import { asCurl } from '../text/snippets.ts';
import { absolute } from '../text/time.ts';
import { reading } from '../text/value.ts';
import { IconButton } from '../ui/button.tsx';
import { CopyButton, CopyIconButton } from '../ui/copy.tsx';
import { Empty, Skeleton } from '../ui/empty.tsx';
import { Failure } from '../ui/failure.tsx';
import { CloseIcon } from '../ui/icons.tsx';
import { Prose } from '../ui/prose.tsx';
import { type Mark, SourceView } from '../ui/source-view.tsx';
import { Status } from '../ui/status.tsx';

interface Props {
  sequence: number;
  /** What the list knows of it already: everything but the bodies. */
  known: Call | undefined;
  onClose: () => void;
}

export function CallDetail({ sequence, known, onClose }: Props) {
  const environment = useEnvironment();
  const full = useQuery(callQuery(environment.id, sequence));
  const call = full.data ?? known;
  const isGone = full.error instanceof Refusal && full.error.status === 404;
  return (
    <div className="px-4 py-3.5 sm:px-6 xl:px-5">
      <div className="mb-2 flex items-start justify-between gap-2">
        <h2 className="mono min-w-0 pt-1 text-[13.5px] leading-6 font-medium break-all">
          {call ? `${call.method} ${call.path}` : `Call ${sequence}`}
        </h2>
        <IconButton label="Close" onClick={onClose} className="-mr-2">
          <CloseIcon />
        </IconButton>
      </div>
      {call && <Outcome call={call} />}
      {full.isPending && !call && <Skeleton lines={6} />}
      {isGone && call === undefined && (
        <Empty title="This call is not kept any more">
          Only the newest calls are kept, in memory. What it changed is in the profile of whom it was about.
        </Empty>
      )}
      {full.error && !isGone && <Failure cause={full.error} retry={() => void full.refetch()} />}
      {full.data && <Full call={full.data} />}
    </div>
  );
}

const OUTCOMES: Record<Call['outcome'], string> = {
  stored: 'Stored: durable before it was answered',
  duplicate: 'A repetition: answered as the first time, nothing written',
  refused: 'Refused: nothing was taken',
  read: 'A read',
};

function Outcome({ call }: { call: Call }) {
  const at = Date.parse(call.at);
  return (
    <>
      <p className="text-data">
        <Status status={call.status} /> {OUTCOMES[call.outcome]}
        <span className="text-muted"> in {duration(call.duration_us)}</span>
      </p>
      <dl className="mt-2.5 grid grid-cols-[auto_minmax(0,1fr)] items-baseline gap-x-5 gap-y-1 text-data">
        <Fact name="About">
          <Subject call={call} />
        </Fact>
        {call.event_name && <Fact name="Event">{call.event_name}</Fact>}
        <Fact name="Key">
          {call.key ? `${call.key.name} (…${call.key.hint})` : 'none that this server knows'}
        </Fact>
        <Fact name="Time">
          <time dateTime={call.at} title={absolute(at, 'UTC')}>
            {absolute(at, undefined, true)}
          </time>
        </Fact>
        <Fact name="Request">
          <span className="inline-flex items-center gap-1">
            <code className="break-all">{call.request_id}</code>
            <CopyIconButton text={call.request_id} what="the request id" />
          </span>
        </Fact>
      </dl>
      {call.errors.length > 0 && (
        <div className="mt-3 rounded-lg bg-bad-wash px-3.5 py-2.5">
          <p className="text-data font-medium text-bad">
            {call.errors.length === 1
              ? 'Why it was refused'
              : `Why it was refused: ${call.errors.length} problems`}
          </p>
          <ul className="mt-1 space-y-1.5">
            {call.errors.map((problem) => (
              <li key={`${problem.details} ${problem.error_code}`}>
                <Prose text={problem.message} />
                <span className="block text-data text-muted">
                  <code>{problem.error_code}</code>
                  {problem.details && (
                    <>
                      {' at '}
                      <code>{problem.details}</code>
                    </>
                  )}
                </span>
              </li>
            ))}
          </ul>
        </div>
      )}
    </>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <>
      <dt className="text-muted">{name}</dt>
      <dd className="min-w-0 break-words">{children}</dd>
    </>
  );
}

function Subject({ call }: { call: Call }) {
  const subject = call.subject;
  if (!subject?.id || !subject.kind) return <span className="text-muted">nobody in particular</span>;
  // What was refused may never have been known.
  const to = subject.kind === 'user' ? '/users/$id' : '/companies/$id';
  return (
    <Link to={to} params={{ id: subject.id }} search={{}} className="link">
      {subject.id}
    </Link>
  );
}

function Full({ call }: { call: FullCall }) {
  const origin = useOrigin();
  const mayRead = useMay('analyst');
  const marks: Mark[] = [
    // The message stands above; here stands what mends it.
    ...call.errors.map(({ details, remedy }) => ({
      pointer: details,
      message: remedy,
      tone: 'bad' as const,
    })),
    ...call.warnings.map(({ pointer, message }) => ({ pointer, message, tone: 'warn' as const })),
  ];
  if (!mayRead) {
    return (
      <p className="mt-5 text-data text-muted">
        Bodies may hold personal data: your role does not show them. Analysts, admins and the owner see them.
      </p>
    );
  }
  return (
    <>
      {call.changes && call.changes.length > 0 && <Changes changes={call.changes} />}
      {call.warnings.length > 0 && (
        <Part title="Warnings">
          <ul className="space-y-1.5">
            {call.warnings.map((warning) => (
              <li key={`${warning.pointer} ${warning.code}`}>
                <Prose text={warning.message} />
                <span className="block text-data text-muted">
                  <code>{warning.code}</code>
                  {warning.pointer && (
                    <>
                      {' at '}
                      <code>{warning.pointer}</code>
                    </>
                  )}
                </span>
              </li>
            ))}
          </ul>
        </Part>
      )}
      {call.request_body !== null && call.request_body !== '' && (
        <Part
          title="Request body"
          more={
            call.request_body_truncated
              ? `the first ${bytes(call.request_body.length)}`
              : bytes(call.request_body.length)
          }
          actions={
            !call.request_body_truncated && (
              <CopyButton
                text={asCurl(origin, { method: call.method, path: call.path, body: call.request_body })}
                label="Copy as curl"
              />
            )
          }
        >
          <SourceView text={call.request_body} marks={marks} label="Request body" />
        </Part>
      )}
      {call.request_body === '' && call.outcome !== 'read' && (
        <Part title="Request body">
          <p className="text-muted">It was empty.</p>
        </Part>
      )}
      {call.response_body !== null && call.response_body !== '' && (
        <Part title="Answer">
          <SourceView text={call.response_body} label="Answer" />
        </Part>
      )}
    </>
  );
}

function Part({
  title,
  more,
  actions,
  children,
}: {
  title: string;
  more?: string;
  actions?: ReactNode;
  children: ReactNode;
}) {
  return (
    <section className="mt-5">
      <div className="mb-1.5 flex min-h-7 items-center justify-between gap-2">
        <h3 className="text-data font-semibold">
          {title} {more && <span className="font-normal text-muted">{more}</span>}
        </h3>
        {actions}
      </div>
      {children}
    </section>
  );
}

function Changes({ changes }: { changes: Change[] }) {
  return (
    <Part title="What changed">
      <table className="w-full table-fixed border-collapse text-data">
        <thead>
          <tr className="text-left text-muted">
            <th scope="col" className="h-7 w-[34%] pr-3 font-medium">
              Property
            </th>
            <th scope="col" className="pr-3 font-medium">
              Before
            </th>
            <th scope="col" className="font-medium">
              After
            </th>
          </tr>
        </thead>
        <tbody>
          {changes.map((change) => (
            <tr key={`${change.of} ${change.name}`} className="border-t border-line align-top">
              <th scope="row" className="py-1.5 pr-3 text-left font-normal break-words">
                {change.name}
                {change.of === 'company' && <span className="text-muted"> of the company</span>}
              </th>
              <td className="py-1.5 pr-3 break-words text-muted">
                {change.before === null || change.before === undefined
                  ? 'nothing'
                  : reading(change.before).text}
              </td>
              <td className="py-1.5 break-words">
                {change.after === null || change.after === undefined ? (
                  <span className="text-muted">removed</span>
                ) : (
                  reading(change.after).text
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Part>
  );
}
