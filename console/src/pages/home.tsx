import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { overviewQuery } from '../api/calls.ts';
import { jobsQuery } from '../api/jobs.ts';
import type { Overview } from '../api/types.ts';
import { Page } from '../frame/page.tsx';
import { useEnvironment } from '../frame/session.ts';
import type { LiveState } from '../live-feed.ts';
import { isDeletion } from '../text/job.ts';
import { compared, count, countOf, rate } from '../text/number.ts';
import { viewerTimeZone, weekday } from '../text/time.ts';
import { Skeleton } from '../ui/empty.tsx';
import { Failure } from '../ui/failure.tsx';
import { Sparkline } from '../ui/sparkline.tsx';
import { useLive } from '../use-live.ts';
import { FirstCall, FirstCallArrived } from './first-call.tsx';
import { Problems } from './problems.tsx';

const EVERYTHING = {};

export function Home() {
  const environment = useEnvironment();
  const overview = useQuery(overviewQuery(environment.id, viewerTimeZone()));
  const live = useLive(environment.id, EVERYTHING);
  if (overview.data === undefined) {
    return (
      <Page title="Home">
        <div className="px-4 sm:px-6">
          {overview.error ? (
            <Failure
              cause={overview.error}
              title="Today's numbers could not be read"
              retry={() => void overview.refetch()}
            />
          ) : (
            <Skeleton lines={6} />
          )}
        </div>
      </Page>
    );
  }
  const hasBegun =
    overview.data.first_call_at !== null || live.calls.some(({ outcome }) => outcome === 'stored');
  return (
    <Page title="Home" line={hasBegun ? <Line overview={overview.data} /> : 'Nothing has arrived here yet.'}>
      <div className="px-4 sm:px-6">
        {hasBegun ? <Today overview={overview.data} live={live} /> : <FirstCall live={live} />}
      </div>
    </Page>
  );
}

function Line({ overview }: { overview: Overview }) {
  return (
    <>
      {environmentWords(overview)}
      {' in '}
      <Link to="/companies" className="link">
        {countOf(overview.companies_total, 'company', 'companies')}
      </Link>
    </>
  );
}

function environmentWords(overview: Overview): ReactNode {
  return (
    <Link to="/users" className="link">
      {countOf(overview.users_total, 'person', 'people')}
    </Link>
  );
}

function Today({ overview, live }: { overview: Overview; live: LiveState }) {
  const { today, last_week } = overview;
  const rows = useRowsSince(today.from);
  const day = weekday(Date.parse(today.from) + 12 * 3_600_000);
  return (
    <>
      <FirstCallArrived firstCallAt={overview.first_call_at} live={live} />
      <div className="grid grid-cols-2 border-y border-line lg:grid-cols-4">
        <Figure
          title="Calls accepted today"
          value={today.accepted}
          before={last_week?.accepted}
          day={day}
          hourly={today.hourly.accepted}
          to={{ status: 'stored' }}
        />
        <Figure
          title="Calls refused today"
          value={today.refused}
          before={last_week?.refused}
          day={day}
          hourly={today.hourly.refused}
          tone={today.refused > 0 ? 'text-bad' : 'text-muted'}
          to={{ status: 'refused' }}
        />
        <Figure title="New users today" value={today.new_users} before={last_week?.new_users} day={day} />
        <Figure
          title="Active users today"
          value={today.active_users}
          before={last_week?.active_users}
          day={day}
        />
      </div>
      {last_week === null && (
        <p className="border-b border-line py-2.5 text-data text-muted">
          From next week on these numbers are compared with the same weekday a week before.
        </p>
      )}
      <LedgerLine ledger={overview.ledger} rows={rows} />
      <Throughput live={live} />
      <Problems />
    </>
  );
}

function Figure({
  title,
  value,
  before,
  day,
  hourly,
  tone,
  to,
}: {
  title: string;
  value: number;
  before: number | null | undefined;
  day: string;
  hourly?: number[];
  tone?: string;
  to?: { status: 'stored' | 'refused' };
}) {
  const comparison = compared(value, before);
  return (
    <div className="flex min-w-0 flex-col border-line px-0 py-4 pr-4 max-lg:odd:border-r max-lg:even:pl-4 max-lg:[&:nth-child(n+3)]:border-t lg:not-first:border-l lg:not-first:pl-5">
      <h2 className="text-data text-muted">{title}</h2>
      <p className="figures mt-0.5 text-figure font-semibold tracking-tight">
        {to ? (
          <Link to="/live" search={to} className="hover:text-accent">
            {count(value)}
          </Link>
        ) : (
          count(value)
        )}
      </p>
      {comparison !== null && (
        <p className="mt-0.5 text-data text-muted">
          {comparison.text} last {day} by now
        </p>
      )}
      {hourly && (
        <div className="mt-2">
          <Sparkline
            values={hourly}
            tone={tone}
            label={`${title}, by hour: ${hourly.map((each) => count(each)).join(', ')}`}
          />
        </div>
      )}
    </div>
  );
}

/** Rows of the files that were sent since a time: each counts as a call. */
function useRowsSince(from: string): number {
  const jobs = useQuery(jobsQuery(useEnvironment().id));
  const since = jobs.data?.filter(
    (job) => !job.dry_run && !isDeletion(job) && Date.parse(job.submitted_at) >= Date.parse(from),
  );
  return since?.reduce((sum, job) => sum + job.total_rows, 0) ?? 0;
}

/** Every call that came is somewhere: stored, repeated, refused, suppressed or pending. */
function LedgerLine({ ledger, rows }: { ledger: Overview['ledger']; rows: number }) {
  const parts: [number, string][] = [
    [ledger.stored, 'stored'],
    [ledger.duplicate, 'repeated'],
    [ledger.rejected, 'refused'],
  ];
  if (ledger.suppressed > 0) parts.push([ledger.suppressed, 'suppressed']);
  if (ledger.pending > 0) parts.push([ledger.pending, 'pending']);
  return (
    <p
      className={`figures flex flex-wrap gap-x-2 border-b border-line py-3 ${ledger.balanced ? '' : 'bg-bad-wash text-bad'}`}
      data-balanced={ledger.balanced}
    >
      <span>
        <span className={ledger.balanced ? 'mr-2 text-good' : 'mr-2'} aria-hidden="true">
          {ledger.balanced ? '✓' : '✕'}
        </span>
        <strong className="font-semibold">{count(ledger.received)}</strong> received today{' '}
        {ledger.balanced ? '=' : '≠'}{' '}
        {parts.map(([number, word], index) => (
          <span key={word}>
            {index > 0 && ' + '}
            <strong className="font-semibold">{count(number)}</strong> {word}
          </span>
        ))}
        {rows > 0 && (
          <>
            {'; '}
            <Link to="/jobs" className="underline underline-offset-3 hover:text-accent">
              {countOf(rows, 'row')} of files
            </Link>
            {' among them'}
          </>
        )}
      </span>
      <span className={ledger.balanced ? 'text-muted' : ''}>
        {ledger.balanced
          ? 'Nothing vanished.'
          : 'The ledger does not balance: calls were received that nobody accounts for. Look into the server’s log and report it.'}
      </span>
    </p>
  );
}

function Throughput({ live }: { live: LiveState }) {
  const last = live.rates.at(-1);
  const values = live.rates.map(({ accepted_per_s }) => accepted_per_s);
  return (
    <section className="flex items-center gap-5 border-b border-line py-3" aria-label="Throughput">
      <p className="figures shrink-0">
        <strong className="font-semibold">{rate(last?.accepted_per_s ?? 0)}</strong> calls a second
        {last !== undefined && last.refused_per_s > 0 && (
          <span className="text-bad">, {rate(last.refused_per_s)} refused</span>
        )}
      </p>
      <div className="min-w-0 flex-1">
        <Sparkline
          width={600}
          values={values.length < 2 ? [0, 0] : values}
          label={`Accepted calls a second over the last ${values.length} s`}
        />
      </div>
      <Link to="/live" className="link shrink-0 text-data">
        Watch live
      </Link>
    </section>
  );
}
