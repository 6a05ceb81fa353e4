/** Which events there are. */
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useCallback, useMemo } from 'react';
import { type EventName, eventNamesQuery } from '../api/history.ts';
import { Page } from '../frame/page.tsx';
import { useEnvironment, useOrigin } from '../frame/session.ts';
import { type EventsSearch, kindNamed, kindOf, kindValue, ORDERS } from '../history-search.ts';
import { useKeys } from '../keyboard/keys.ts';
import { eventTitle } from '../text/history.ts';
import { count, countOf } from '../text/number.ts';
import { viewerTimeZone } from '../text/time.ts';
import { CopyButton } from '../ui/copy.tsx';
import { type Column, DataTable } from '../ui/data-table.tsx';
import { Empty, NothingFound, Skeleton } from '../ui/empty.tsx';
import { Failure } from '../ui/failure.tsx';
import { INPUT } from '../ui/field.tsx';
import { Rows } from '../ui/rows.ts';
import { SearchBox } from '../ui/search-box.tsx';
import { Sparkline } from '../ui/sparkline.tsx';
import { Time } from '../ui/time.tsx';
import { EventTabs } from './event-tabs.tsx';

const titleOf = (event: EventName) => eventTitle(event.event_type, event.event_name);
const idOf = (event: EventName) => kindValue(kindNamed(event));

const COLUMNS: Column<EventName>[] = [
  {
    name: 'event',
    title: 'Event',
    width: 240,
    onSmall: true,
    cell: (event) => (
      <Link
        to="/events/event"
        search={kindNamed(event)}
        className="font-medium hover:text-accent"
        title={titleOf(event)}
      >
        {titleOf(event)}
      </Link>
    ),
  },
  {
    name: 'kind',
    title: 'Kind',
    width: 100,
    cell: (event) => <span className="text-muted">{event.event_name ? 'tracked' : 'profile'}</span>,
  },
  {
    name: 'volume',
    title: 'Last 30 days, and today',
    width: 220,
    cell: (event) => (
      <span className="flex items-center gap-2">
        <span className="w-[120px] shrink-0">
          <Sparkline
            values={event.volume}
            height={24}
            label={`${titleOf(event)} on each of the last ${event.volume.length} days: ${event.volume.join(', ')}`}
          />
        </span>
        <span className="figures text-muted">{count(event.volume.at(-1) ?? 0)}</span>
      </span>
    ),
  },
  {
    name: 'count',
    title: 'In all',
    width: 120,
    align: 'right',
    onSmall: true,
    cell: (event) => count(event.count),
  },
  { name: 'last', title: 'Last seen', width: 130, cell: (event) => <Time at={event.last_at} /> },
  { name: 'first', title: 'First seen', width: 130, cell: (event) => <Time at={event.first_at} /> },
];

const ORDER_TITLES = { count: 'Most frequent first', last: 'Latest first', name: 'By name' };

function sorted(events: EventName[], order: NonNullable<EventsSearch['order']>): EventName[] {
  const byName = (a: EventName, b: EventName) => titleOf(a).localeCompare(titleOf(b));
  const orders = {
    name: byName,
    count: (a: EventName, b: EventName) => b.count - a.count || byName(a, b),
    last: (a: EventName, b: EventName) => b.last_at.localeCompare(a.last_at) || byName(a, b),
  };
  return events.toSorted(orders[order]);
}

export function Events() {
  const environment = useEnvironment();
  const names = useQuery(eventNamesQuery(environment.id, viewerTimeZone()));
  const search = useSearch({ from: '/frame/events' });
  const navigate = useNavigate({ from: '/events' });
  const change = useCallback(
    (change: EventsSearch) =>
      void navigate({ search: (before) => ({ ...before, ...change }), replace: true }),
    [navigate],
  );
  const setText = useCallback((q: string) => change({ q: q || undefined, row: undefined }), [change]);
  const { q, order } = search;
  const rows = useMemo(() => {
    const wanted = (q ?? '').toLowerCase();
    const found = (names.data?.data ?? []).filter((event) => titleOf(event).toLowerCase().includes(wanted));
    return new Rows([sorted(found, order ?? 'count')]);
  }, [names.data, q, order]);
  useKeys({ r: () => void names.refetch() });
  const total = names.data?.data.reduce((sum, event) => sum + event.count, 0);
  return (
    <Page
      title="Events"
      fill
      line={
        names.data &&
        `${countOf(names.data.data.length, 'kind')} of events, ${count(total ?? 0)} events in all`
      }
    >
      <EventTabs />
      {names.error && (
        <div className="px-4 pb-3 sm:px-6">
          <Failure
            cause={names.error}
            title="The events could not be read"
            retry={() => void names.refetch()}
          />
        </div>
      )}
      {names.isPending && <Skeleton lines={8} className="px-4 sm:px-6" />}
      {names.data?.data.length === 0 && <NoEvents />}
      {names.data !== undefined && names.data.data.length > 0 && (
        <>
          <div className="flex items-center gap-2 px-4 pb-3 sm:px-6">
            <SearchBox
              label="Search events"
              value={search.q ?? ''}
              onSearch={setText}
              className="min-w-0 max-w-[360px] flex-1"
            />
            <select
              aria-label="Order"
              value={search.order ?? 'count'}
              onChange={({ target }) =>
                change({ order: ORDERS.find((each) => each === target.value && each !== 'count') })
              }
              className={`${INPUT} !w-[184px]`}
            >
              {ORDERS.map((each) => (
                <option key={each} value={each}>
                  {ORDER_TITLES[each]}
                </option>
              ))}
            </select>
          </div>
          {rows.length === 0 ? (
            <NothingFound title={`No event has “${search.q}” in its name`} onClear={() => setText('')} />
          ) : (
            <DataTable
              label="Events"
              columns={COLUMNS}
              rows={rows}
              idOf={idOf}
              selected={search.row}
              onSelect={(row) => change({ row })}
              onOpen={(id) => {
                change({ row: id });
                void navigate({ to: '/events/event', search: kindOf(id) });
              }}
            />
          )}
        </>
      )}
    </Page>
  );
}

/** What to do when nothing has happened yet, with a call that changes it. */
export function NoEvents() {
  const origin = useOrigin();
  const command = `curl ${origin}/v1/track -H "Authorization: Token $MUSTER_KEY" -H 'Content-Type: application/json' -d '{"user_id":"u-7","event_name":"report_opened","metadata":{"pages":3}}'`;
  return (
    <Empty title="Nothing has happened yet" action={<CopyButton text={command} label="Copy a call" />}>
      Every event that your product tracks stands here by its name, with how often it happens and what it
      brings. The first call to <code>/v1/track</code> fills this page.
    </Empty>
  );
}
