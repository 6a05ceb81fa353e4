/** What the list of jobs and the page of one share. */
import type { Job } from '../api/types.ts';
import { isDeletion, nameOf, shareDone, statusTone, statusWords, timeLeft } from '../text/job.ts';
import { count } from '../text/number.ts';
import { PageTabs } from '../ui/page-tabs.tsx';
import { State } from '../ui/status.tsx';

const TABS = [
  { to: '/jobs', title: 'Jobs' },
  { to: '/jobs/exports', title: 'Exports' },
  { to: '/jobs/data-sync', title: 'Data sync' },
  { to: '/jobs/erasures', title: 'Erasures' },
] as const;

/** Files and deletions are both jobs; what a deletion left to prove stands on a page of its own. */
export function JobTabs() {
  return <PageTabs label="Jobs" tabs={TABS} />;
}

export function JobState({ job }: { job: Job }) {
  return <State tone={statusTone(job)}>{statusWords(job)}</State>;
}

/** How far something is; without a share it is under way and nobody knows how far. */
export function Bar({ share, label }: { share: number | null; label: string }) {
  return (
    <div
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={share === null ? undefined : Math.round(share * 100)}
      className="h-1.5 w-full overflow-hidden rounded-full bg-line"
    >
      <div
        className={share === null ? 'pulse h-full w-full bg-line-strong' : 'h-full rounded-full bg-accent'}
        style={share === null ? undefined : { width: `${share * 100}%` }}
      />
    </div>
  );
}

/** A job that is under way: the bar, rows, rate and what is left. */
export function Progress({ job }: { job: Job }) {
  const share = shareDone(job);
  return (
    <div className="max-w-[560px]">
      <Bar share={share} label={`Rows of ${nameOf(job)}`} />
      <p className="figures mt-1.5 text-data text-muted" aria-live="off">
        {share === null
          ? `${statusWords(job)}…`
          : [
              `${count(job.completed_rows)} of ${count(job.total_rows)} rows`,
              `${count(job.rows_per_second)} a second`,
              timeLeft(job),
            ]
              .filter(Boolean)
              .join(', ')}
      </p>
    </div>
  );
}

/** What a job did or would do: numbers that add up. */
export function Counts({ job }: { job: Job }) {
  const erased: [string, number, string][] =
    job.suppressed_rows > 0 ? [['Erased before', job.suppressed_rows, '']] : [];
  const known: [string, number, string][] =
    job.duplicate_rows > 0 ? [['Known before', job.duplicate_rows, '']] : [];
  const parts: [string, number, string][] = job.would
    ? [
        ['Would create', job.would.create, ''],
        ['Would change', job.would.change, ''],
        ...known,
        ...erased,
        ['Would reject', job.would.reject, job.would.reject > 0 ? 'text-bad' : 'text-muted'],
      ]
    : isDeletion(job)
      ? [['Erased', job.completed_rows, '']]
      : [
          ['Stored', job.accepted_rows, ''],
          ['Known before', job.duplicate_rows, job.duplicate_rows > 0 ? '' : 'text-muted'],
          ...erased,
          ['Rejected', job.rejected_rows, job.rejected_rows > 0 ? 'text-bad' : 'text-muted'],
        ];
  return (
    <dl className="grid grid-cols-2 border-y border-line sm:grid-cols-4">
      {([[isDeletion(job) ? 'Named' : 'Rows', job.total_rows, ''], ...parts] as const).map(
        ([title, value, tone], index) => (
          <div
            key={title}
            className="min-w-0 py-3.5 pr-3 max-sm:nth-[n+3]:border-t max-sm:nth-[n+3]:border-line"
          >
            <dt className="text-data text-muted">
              {index > 0 && <span aria-hidden="true">{index === 1 ? '= ' : '+ '}</span>}
              {title}
            </dt>
            <dd className={`figures text-figure font-semibold tracking-tight ${tone}`}>{count(value)}</dd>
          </div>
        ),
      )}
    </dl>
  );
}

/** Why rows were rejected: `id_missing 12, number_out_of_range 3`. */
export function Codes({ job }: { job: Job }) {
  const codes = Object.entries(job.rejected_by_code).toSorted(([, a], [, b]) => b - a);
  return codes.map(([code, number], index) => (
    <span key={code}>
      {index > 0 && ', '}
      {count(number)} <code>{code}</code>
    </span>
  ));
}
