/** All about one kind of event: how often, by whom, and what it brings. */
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useCallback, useMemo } from 'react';
import {
  countsQuery,
  type EventCounts,
  type EventName,
  eventNamesQuery,
  type PropertyTypes,
} from '../api/history.ts';
import { Page } from '../frame/page.tsx';
import { useEnvironment } from '../frame/session.ts';
import {
  type EventSearch,
  kindNamed,
  kindValue,
  propertyFilter,
  SPAN_NAMES,
  SPANS,
  spanStart,
} from '../history-search.ts';
import { conflicting, eventTitle, groupTitle, readsAs } from '../text/history.ts';
import { count, countOf } from '../text/number.ts';
import { viewerTimeZone } from '../text/time.ts';
import { buttonClass } from '../ui/button.tsx';
import { Empty, Skeleton } from '../ui/empty.tsx';
import { Failure } from '../ui/failure.tsx';
import { INPUT } from '../ui/field.tsx';
import { type Line, LineChart } from '../ui/line-chart.tsx';
import { Segmented } from '../ui/segmented.tsx';
import { Time, useNow } from '../ui/time.tsx';
import { ValueCell } from '../ui/value.tsx';
import { BreakdownSelect, ValueAtSelect } from './breakdown-select.tsx';
import { Back } from './profile-parts.tsx';
import { useEscapeTo } from './user.tsx';

export function EventPage() {
  const environment = useEnvironment();
  const search = useSearch({ from: '/frame/events/event' });
  const names = useQuery(eventNamesQuery(environment.id, viewerTimeZone()));
  useEscapeTo('/events');
  const wanted = kindValue(search);
  const event = names.data?.data.find((each) => kindValue(kindNamed(each)) === wanted);
  const title = wanted === '' ? 'No event' : eventTitle(search.type ?? '', search.event);
  return (
    <Page
      title={title}
      above={<Back to="/events">Events</Back>}
      line={
        event && (
          <>
            {countOf(event.count, 'time')}, first <Time at={event.first_at} />, last{' '}
            <Time at={event.last_at} />
          </>
        )
      }
      actions={
        event && (
          <Link
            to="/events/explorer"
            search={{ event: search.event, type: search.type }}
            className={buttonClass()}
          >
            Newest in the explorer
          </Link>
        )
      }
    >
      <div className="px-4 sm:px-6">
        {names.error && (
          <Failure
            cause={names.error}
            title="The event could not be read"
            retry={() => void names.refetch()}
          />
        )}
        {names.isPending && <Skeleton lines={8} />}
        {names.isSuccess && event === undefined && (
          <Empty
            title={wanted === '' ? 'The address names no event' : `There is no event ${title}`}
            action={
              <Link to="/events" search={{}} className="link">
                Show all events
              </Link>
            }
          >
            Names count exactly as they were sent, case included. The event may also be in another
            environment.
          </Empty>
        )}
        {event && (
          <>
            <Volume event={event} search={search} />
            <Brings event={event} search={search} />
          </>
        )}
      </div>
    </Page>
  );
}

function useChange() {
  const navigate = useNavigate({ from: '/events/event' });
  return useCallback(
    (change: EventSearch) =>
      void navigate({ search: (before) => ({ ...before, ...change }), replace: true, resetScroll: false }),
    [navigate],
  );
}

const NOW = { breakdown_at: undefined };
const isOfUser = (breakdown: string | undefined) => breakdown?.startsWith('user:') ?? false;

function Volume({ event, search }: { event: EventName; search: EventSearch }) {
  const environment = useEnvironment();
  const navigate = useNavigate();
  const change = useChange();
  const zone = viewerTimeZone();
  const span = search.span ?? '30d';
  const { interval } = SPANS[span];
  const now = useNow();
  // The first interval moves on with time, but not within its hour.
  const hour = Math.floor(now / 3_600_000);
  const from = useMemo(() => spanStart(span, hour * 3_600_000).toISOString(), [span, hour]);
  const measure = search.measure ?? 'total';
  const counts = useQuery(
    countsQuery(environment.id, {
      event: search.event,
      type: search.type,
      from,
      interval,
      measure,
      breakdown: search.breakdown,
      breakdown_at: search.breakdown_at,
      zone,
    }),
  );
  const title = eventTitle(event.event_type, event.event_name);
  const lines = counts.data === undefined ? [] : linesOf(counts.data, title, search.breakdown !== undefined);
  const sum = lines.reduce((sum, line) => sum + line.total, 0);
  const what = measure === 'unique_users' ? 'different users' : sum === 1 ? 'time' : 'times';
  const pick = (index: number) => {
    const starts = counts.data?.starts ?? [];
    void navigate({
      to: '/events/explorer',
      search: { event: search.event, type: search.type, from: starts[index], to: starts[index + 1] },
    });
  };
  return (
    <section className="mb-10">
      <div className="mb-4 flex flex-wrap items-center gap-2">
        <Measure chosen={measure} onChange={(measure) => change({ measure })} />
        <select
          aria-label="Time"
          value={span}
          onChange={({ target }) =>
            change({ span: SPAN_NAMES.find((each) => each === target.value && each !== '30d') })
          }
          className={`${INPUT} !w-[160px]`}
        >
          {SPAN_NAMES.map((each) => (
            <option key={each} value={each}>
              {SPANS[each].title}
            </option>
          ))}
        </select>
        <BreakdownSelect
          ofEvent={event.properties.filter(({ masked }) => !masked).map(({ name }) => name)}
          value={search.breakdown}
          onChange={(breakdown) => change({ breakdown, ...(isOfUser(breakdown) ? {} : NOW) })}
          className="!w-[200px]"
        />
        {isOfUser(search.breakdown) && (
          <ValueAtSelect at={search.breakdown_at} onChange={(at) => change({ breakdown_at: at })} />
        )}
      </div>
      {counts.error && (
        <Failure
          cause={counts.error}
          title="The numbers could not be read"
          retry={() => void counts.refetch()}
        />
      )}
      {counts.isPending && <Skeleton lines={6} />}
      {counts.data && lines.length === 0 && (
        <p className="border-t border-line py-6 text-muted">
          {title} did not happen in the {SPANS[span].title.toLowerCase()}. Choose a longer time.
        </p>
      )}
      {counts.data && lines.length > 0 && (
        <>
          {search.breakdown === undefined && (
            <p className="mb-3">
              <span className="figures text-figure font-semibold">{count(sum)}</span>{' '}
              <span className="text-muted">{what}</span>
            </p>
          )}
          <LineChart
            label={`${title}, ${measure === 'unique_users' ? 'different users' : 'times'} by ${interval}`}
            starts={counts.data.starts}
            interval={interval}
            zone={zone}
            lines={lines}
            isLastOpen
            onPick={pick}
            isStale={counts.isPlaceholderData}
            fileName={`${title.replace(/[^\w.-]+/g, '-')}.csv`}
          />
          {counts.data.groups_left_out > 0 && (
            <p className="mt-2 text-data text-muted">
              {countOf(counts.data.groups_left_out, 'more value')} with smaller numbers{' '}
              {counts.data.groups_left_out === 1 ? 'is' : 'are'} not shown.
            </p>
          )}
        </>
      )}
    </section>
  );
}

/** One line for each series. Two values that read alike, as 7 and "7", stay two lines. */
function linesOf(counts: EventCounts, title: string, isBrokenDown: boolean): Line[] {
  const taken = new Map<string, number>();
  return counts.series.map((series) => {
    const base = isBrokenDown ? groupTitle(series.group) : title;
    const times = (taken.get(base) ?? 0) + 1;
    taken.set(base, times);
    const name = times === 1 ? base : `${base} (${times})`;
    return { name, values: series.counts, total: series.total };
  });
}

const MEASURES = [
  ['total', 'Times'],
  ['unique_users', 'Different users'],
] as const;

function Measure({
  chosen,
  onChange,
}: {
  chosen: 'total' | 'unique_users';
  onChange: (measure: 'unique_users' | undefined) => void;
}) {
  return (
    <Segmented
      label="What is counted"
      options={MEASURES}
      value={chosen}
      onChange={(measure) => onChange(measure === 'total' ? undefined : measure)}
    />
  );
}

function Brings({ event, search }: { event: EventName; search: EventSearch }) {
  return (
    <section className="mb-10">
      <h2 className="mb-2 text-[15px] leading-6 font-semibold">
        Properties <span className="figures ml-1 font-normal text-muted">{event.properties.length}</span>
      </h2>
      {event.properties.length === 0 ? (
        <p className="border-t border-line py-6 text-muted">
          It brings nothing with it. What a call sends as <code>metadata</code> is listed here.
        </p>
      ) : (
        <ul className="border-t border-line text-data">
          {event.properties.map(({ name, types, masked }) => (
            <li
              key={name}
              className="grid gap-x-4 gap-y-1 border-b border-line py-2 sm:grid-cols-[30%_minmax(0,1fr)]"
            >
              <div className="min-w-0">
                <Link
                  to="/events/properties"
                  search={{ owner: 'event', opened: name, row: name }}
                  className="font-medium break-words hover:text-accent"
                >
                  {name}
                </Link>
                <Conflict types={types} />
              </div>
              <Readings types={types} masked={masked ?? false} kind={search} property={name} />
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

export function Conflict({ types }: { types: PropertyTypes }) {
  const kinds = conflicting(types);
  if (kinds.length === 0) return null;
  return <span className="block text-warn">sent as {kinds.join(' and as ')}</span>;
}

/** What values read as, how often, and some of them; each leads to the events that brought it. */
export function Readings({
  types,
  masked,
  kind,
  property,
}: {
  types: PropertyTypes;
  masked: boolean;
  /** Where the examples are of events. */
  kind?: { event?: string; type?: string };
  property: string;
}) {
  return (
    <ul className="min-w-0 space-y-0.5">
      {types.map(({ type, count: number, examples }) => (
        <li key={type} className="flex min-w-0 flex-wrap items-baseline gap-x-3">
          <span>{readsAs(type)}</span>
          <span className="figures text-muted">{count(number)}</span>
          {masked ? (
            <ValueCell value="•••" />
          ) : (
            <span className="flex min-w-0 flex-wrap gap-x-3 text-muted">
              {type !== 'null' &&
                examples.map((example, index) => (
                  <Example key={index} value={example} kind={kind} property={property} />
                ))}
            </span>
          )}
        </li>
      ))}
    </ul>
  );
}

function Example({
  value,
  kind,
  property,
}: {
  value: unknown;
  kind?: { event?: string; type?: string };
  property: string;
}) {
  const isPlain = ['string', 'number', 'boolean'].includes(typeof value) && String(value).length <= 80;
  const shown = (
    <span className="mono inline-block max-w-[32ch] truncate align-bottom">
      {typeof value === 'string' ? JSON.stringify(value) : <ValueCell value={value} />}
    </span>
  );
  if (kind === undefined || !isPlain) return shown;
  return (
    <Link
      to="/events/explorer"
      search={{
        event: kind.event,
        type: kind.type,
        property: [propertyFilter(property, String(value))],
      }}
      className="hover:text-accent"
      title={`Events with ${property} ${String(value)}`}
    >
      {shown}
    </Link>
  );
}
