/** The newest events of everybody, and the questions one has about them. */
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useCallback, useMemo, useState } from 'react';
import { EVENTS_MAX, type EventFilter, eventQuery, eventsQuery, type HistoryEvent } from '../api/history.ts';
import { Refusal } from '../api/refusal.ts';
import { Page } from '../frame/page.tsx';
import { useEnvironment } from '../frame/session.ts';
import { type ExplorerSearch, kindNamed, rangeOf } from '../history-search.ts';
import { useKeys } from '../keyboard/keys.ts';
import { deed, eventTitle } from '../text/history.ts';
import { count } from '../text/number.ts';
import { absolute } from '../text/time.ts';
import { Button, IconButton } from '../ui/button.tsx';
import { type Column, DataTable } from '../ui/data-table.tsx';
import { Empty, Skeleton } from '../ui/empty.tsx';
import { Failure } from '../ui/failure.tsx';
import { CloseIcon, ReloadIcon } from '../ui/icons.tsx';
import { useIsWide } from '../ui/media.ts';
import { Rows } from '../ui/rows.ts';
import { Time } from '../ui/time.tsx';
import { EventBody } from './event-body.tsx';
import { EventTabs } from './event-tabs.tsx';
import { NoEvents } from './events.tsx';
import { ExplorerFilters } from './explorer-filters.tsx';
import { summary } from './timeline.tsx';

const TIME: Column<HistoryEvent> = {
  name: 'time',
  title: 'Time',
  width: 110,
  onSmall: true,
  cell: (event) => <Time at={event.occurred_at} className="text-muted" />,
};
const EVENT: Column<HistoryEvent> = {
  name: 'event',
  title: 'Event',
  width: 280,
  onSmall: true,
  cell: (event) => {
    const { name, object } = deed(event);
    return (
      <>
        <span className="font-medium">{name}</span>
        {object && <span className="text-muted"> {object}</span>}
      </>
    );
  },
};
const USER: Column<HistoryEvent> = {
  name: 'user',
  title: 'User',
  width: 150,
  cell: (event) =>
    event.user_id && (
      <Link to="/users/$id" params={{ id: event.user_id }} search={{}} className="hover:text-accent">
        {event.user_id}
      </Link>
    ),
};
const COMPANY: Column<HistoryEvent> = {
  name: 'company',
  title: 'Company',
  width: 150,
  cell: (event) =>
    event.company_id && (
      <Link to="/companies/$id" params={{ id: event.company_id }} search={{}} className="hover:text-accent">
        {event.company_id}
      </Link>
    ),
};
const BROUGHT: Column<HistoryEvent> = {
  name: 'properties',
  title: 'Properties',
  width: 260,
  cell: (event) => (
    <span className="text-muted" title={summary(event)}>
      {summary(event)}
    </span>
  ),
};
const WIDE = [EVENT, USER, COMPANY, BROUGHT, TIME];
const BESIDE = [EVENT, USER, TIME];

const NOTHING: ExplorerSearch = {
  event: undefined,
  type: undefined,
  user: undefined,
  company: undefined,
  property: undefined,
  time: undefined,
  from: undefined,
  to: undefined,
};

export function Explorer() {
  const environment = useEnvironment();
  const search = useSearch({ from: '/frame/events/explorer' });
  const navigate = useNavigate({ from: '/events/explorer' });
  const { event, type, user, company, property, time, from, to, row, opened } = search;
  // A time back from now stays as it is while pages are read, and moves on when the list is asked for anew.
  const [asked, setAsked] = useState(() => Date.now());
  const filter: EventFilter = { event, type, user, company, property, ...rangeOf({ time, from, to }, asked) };
  const list = useInfiniteQuery(eventsQuery(environment.id, filter));
  const pages = list.data?.pages;
  const rows = useMemo(() => new Rows((pages ?? []).map((page) => page.data)), [pages]);
  const isWide = useIsWide();
  const change = useCallback(
    (change: ExplorerSearch) =>
      void navigate({ search: (before) => ({ ...before, ...change }), replace: true }),
    [navigate],
  );
  const open = (position: string | undefined) =>
    void navigate({
      search: (before) => ({ ...before, opened: position, row: position ?? before.row }),
      replace: opened !== undefined,
    });
  const refresh = () => {
    setAsked(Date.now());
    if (time === undefined) void list.refetch();
  };
  useKeys({ r: refresh, Escape: () => opened !== undefined && open(undefined) });
  const isFiltered = Object.values({ event, type, user, company, property, time, from, to }).some(
    (value) => value !== undefined,
  );
  const showsList = opened === undefined || isWide;
  const listed = opened === undefined ? undefined : eventAt(rows, opened);
  // An address is for others too, whose list begins with newer events.
  const single = useQuery(eventQuery(environment.id, listed || list.isPending ? undefined : opened));
  return (
    <Page
      title="Events"
      fill
      line={
        isFiltered ? 'Newest first, of those that the filters let pass' : 'What happened last, to everybody'
      }
      actions={
        <Button onClick={refresh} busy={list.isFetching && !list.isFetchingNextPage} aria-keyshortcuts="r">
          <ReloadIcon size={14} /> Newest
        </Button>
      }
    >
      <EventTabs />
      {showsList && <ExplorerFilters search={search} onChange={change} />}
      {list.error && (
        <div className="px-4 pb-3 sm:px-6">
          <Failure
            cause={list.error}
            title="The events could not be read"
            retry={() => void list.refetch()}
          />
        </div>
      )}
      {list.isPending && <Skeleton lines={8} className="px-4 sm:px-6" />}
      {list.isSuccess &&
        rows.length === 0 &&
        (isFiltered ? (
          <Empty
            title="No event is like that"
            action={<Button onClick={() => change(NOTHING)}>Show all events</Button>}
          >
            Ids, names and values count exactly as they were sent. Take a filter away, or choose a longer
            time.
          </Empty>
        ) : (
          <NoEvents />
        ))}
      {(rows.length > 0 || opened !== undefined) && (
        <div className="flex min-h-0 flex-1">
          {showsList && rows.length > 0 && (
            <div className="flex min-h-0 min-w-0 flex-1 flex-col">
              <DataTable
                label="Events"
                columns={isWide && opened !== undefined ? BESIDE : WIDE}
                rows={rows}
                idOf={(event) => event.position}
                selected={opened ?? row}
                onSelect={(row) => (opened === undefined ? change({ row }) : open(row))}
                onOpen={open}
                hasMore={list.hasNextPage}
                isFetching={list.isFetchingNextPage}
                isStale={list.isPlaceholderData}
                onMore={() => void list.fetchNextPage()}
                end={
                  rows.length >= EVENTS_MAX ? (
                    <p className="px-6 py-4 text-muted">
                      These are the newest {count(EVENTS_MAX)}. Filter by time to read older ones.
                    </p>
                  ) : null
                }
              />
            </div>
          )}
          {opened !== undefined && (
            <section
              aria-label="Opened event"
              className={`scroll-thin min-h-0 overflow-y-auto border-t border-line px-4 py-3 sm:px-6 ${isWide ? 'w-[min(46%,520px)] border-l' : 'w-full'}`}
            >
              <Opened
                event={listed ?? single.data}
                isListed={listed !== undefined}
                failure={single.error}
                onClose={() => open(undefined)}
              />
            </section>
          )}
        </div>
      )}
    </Page>
  );
}

function eventAt(rows: Rows<HistoryEvent>, position: string): HistoryEvent | undefined {
  return rows.at(rows.findIndex((event) => event.position === position));
}

function Opened({
  event,
  isListed,
  failure,
  onClose,
}: {
  event: HistoryEvent | undefined;
  isListed: boolean;
  failure: Error | null;
  onClose: () => void;
}) {
  if (event === undefined && failure === null) return <Skeleton lines={4} />;
  return (
    <>
      <div className="mb-2 flex items-start justify-between gap-3">
        <div className="min-w-0">
          <h2 className="text-[15px] leading-6 font-semibold break-words">
            {event === undefined ? 'No event to show' : eventTitle(event.event_type, event.event_name)}
          </h2>
          {event && (
            <p className="text-data text-muted">{absolute(Date.parse(event.occurred_at), undefined, true)}</p>
          )}
        </div>
        <IconButton label="Close" className="-mt-1 -mr-2" onClick={onClose}>
          <CloseIcon />
        </IconButton>
      </div>
      {event === undefined ? (
        <NoEvent failure={failure} />
      ) : (
        <>
          <EventBody event={event} />
          <p className="mt-2 text-data">
            <Link to="/events/explorer" search={kindNamed(event)} className="link">
              Only events like this
            </Link>
            {!isListed && <span className="text-muted"> It is not among the events listed here.</span>}
          </p>
        </>
      )}
    </>
  );
}

function NoEvent({ failure }: { failure: Error | null }) {
  if (failure instanceof Refusal && ['event_unknown', 'position_invalid'].includes(failure.code)) {
    return (
      <p className="text-muted">
        The address names no event of this environment. It may have been erased, or be in another environment.
      </p>
    );
  }
  return <Failure cause={failure} title="The event could not be read" />;
}
