/** What somebody did, by day, newest first. */
import { useInfiniteQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { type ReactNode, useMemo, useState } from 'react';
import { type HistoryEvent, type Subject, timelineQuery } from '../api/history.ts';
import { useEnvironment } from '../frame/session.ts';
import type { TimelineSearch } from '../history-search.ts';
import { type Day, dayTitle, type Group, timeline } from '../text/history.ts';
import { count } from '../text/number.ts';
import { clock, inFull } from '../text/time.ts';
import { Button } from '../ui/button.tsx';
import { classNames } from '../ui/class-names.ts';
import { Skeleton } from '../ui/empty.tsx';
import { Failure } from '../ui/failure.tsx';
import { ChevronIcon } from '../ui/icons.tsx';
import { useNow } from '../ui/time.tsx';
import { EventBody, KindChoice } from './event-body.tsx';

interface Props {
  subject: Subject;
  search: TimelineSearch;
  onSearch: (change: TimelineSearch) => void;
  /** Only what happened until then. */
  until?: string;
}

/** Nothing is sent with less than a microsecond: an event of that very moment is still seen. */
function justAfter(at: string | undefined): string | undefined {
  return at === undefined ? undefined : new Date(at).toISOString().replace('Z', '001Z');
}

export function Timeline({ subject, search, onSearch, until }: Props) {
  const environment = useEnvironment();
  const kind = { event: search.event, type: search.type };
  const list = useInfiniteQuery(timelineQuery(environment.id, subject, kind, justAfter(until)));
  const pages = list.data?.pages;
  const days = useMemo(() => timeline((pages ?? []).flatMap((page) => page.data)), [pages]);
  const isFiltered = search.event !== undefined || search.type !== undefined;
  const isUser = subject.kind === 'users';
  return (
    <section className="mb-8" aria-label="Timeline">
      <div className="mb-2 flex items-center justify-between gap-3">
        <h2 className="text-[15px] leading-6 font-semibold">Timeline</h2>
        <KindChoice
          chosen={kind}
          onChange={(chosen) => onSearch({ ...chosen, opened: undefined })}
          className="max-w-[220px]"
        />
      </div>
      {list.error && (
        <Failure
          cause={list.error}
          title="The timeline could not be read"
          retry={() => void list.refetch()}
        />
      )}
      {list.isPending && <Skeleton lines={5} />}
      {list.isSuccess && days.length === 0 && (
        <p className="border-t border-line py-5 text-muted">
          {isFiltered ? (
            <>
              No such event here{until && ' by then'}.{' '}
              <button
                type="button"
                className="link"
                onClick={() => onSearch({ event: undefined, type: undefined })}
              >
                Show all events
              </button>
            </>
          ) : until ? (
            'Nothing had happened by then.'
          ) : isUser ? (
            'Nothing is known to have happened. Calls to /v1/track with this user_id appear here.'
          ) : (
            'No event names this company. Calls to /v1/track with its company_id appear here.'
          )}
        </p>
      )}
      <div className={classNames('transition-opacity delay-300', list.isPlaceholderData && 'opacity-60')}>
        {days.map((day) => (
          <DayOf
            key={`${day.name} ${day.groups[0]?.id}`}
            day={day}
            opened={search.opened}
            onOpen={(opened) => onSearch({ opened })}
            isUser={isUser}
          />
        ))}
      </div>
      <div className="mt-3 flex items-center gap-3 text-data">
        {list.hasNextPage && (
          <Button small busy={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
            Older events
          </Button>
        )}
        {days.length > 0 && (
          <Link
            to="/events/explorer"
            search={{ ...kind, ...(isUser ? { user: subject.id } : { company: subject.id }) }}
            className="link"
          >
            All in the explorer
          </Link>
        )}
      </div>
    </section>
  );
}

interface OpenProps {
  opened: string | undefined;
  onOpen: (position: string | undefined) => void;
  isUser: boolean;
}

function DayOf({ day, ...rest }: { day: Day } & OpenProps) {
  const now = useNow();
  return (
    <>
      <h3 className="border-t border-line pt-3 pb-1 text-small font-medium text-muted">
        {dayTitle(day, now)}
      </h3>
      <ol className="pb-2">
        {day.groups.map((group) => (
          <GroupOf key={group.id} group={group} {...rest} />
        ))}
      </ol>
    </>
  );
}

const ROW =
  '-mx-2 flex w-[calc(100%+16px)] items-baseline gap-2.5 rounded-md px-2 py-1 text-left text-data hover:bg-hover';

function GroupOf({ group, opened, onOpen, isUser }: { group: Group } & OpenProps) {
  const { events, deed } = group;
  const holdsOpened = events.some(({ position }) => position === opened);
  const [isOpen, setOpen] = useState(holdsOpened);
  const [newest] = events;
  if (newest === undefined) return null;
  const words = (
    <span className="min-w-0 flex-1 break-words">
      {deed.name}
      {deed.object && <span className="text-muted"> {deed.object}</span>}
      {events.length > 1 && <span className="figures font-medium"> × {count(events.length)}</span>}
      {!isUser && newest.user_id && <span className="text-muted"> · {newest.user_id}</span>}
    </span>
  );
  if (events.length === 1) {
    return <OneEvent event={newest} opened={opened} onOpen={onOpen} isUser={isUser} words={words} />;
  }
  const shown = isOpen || holdsOpened;
  return (
    <li>
      <button
        type="button"
        aria-expanded={shown}
        className={ROW}
        onClick={() => {
          setOpen(!shown);
          if (shown && holdsOpened) onOpen(undefined);
        }}
      >
        <At event={newest} />
        {words}
        <span
          className={classNames('self-center text-muted', shown && 'rotate-180')}
          title={shown ? 'Show as one' : 'Show each'}
        >
          <ChevronIcon size={14} />
        </span>
      </button>
      {shown && (
        <ol className="ml-[9px] border-l border-line pl-3">
          {events.map((event) => (
            <OneEvent
              key={event.position}
              event={event}
              opened={opened}
              onOpen={onOpen}
              isUser={isUser}
              words={<span className="min-w-0 flex-1 truncate text-muted">{summary(event)}</span>}
            />
          ))}
        </ol>
      )}
    </li>
  );
}

/** The properties of an event on one line. */
export function summary(event: HistoryEvent): string {
  const all = Object.entries(event.metadata as Record<string, unknown>);
  if (all.length === 0) return 'no properties';
  return all.map(([name, value]) => `${name} ${short(value)}`).join(' · ');
}

function short(value: unknown): string {
  if (value === null) return 'removed';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function At({ event }: { event: HistoryEvent }) {
  const at = Date.parse(event.occurred_at);
  return (
    <time dateTime={event.occurred_at} title={inFull(at)} className="mono shrink-0 text-muted">
      {clock(at).slice(0, 8)}
    </time>
  );
}

function OneEvent({
  event,
  opened,
  onOpen,
  isUser,
  words,
}: OpenProps & { event: HistoryEvent; words: ReactNode }) {
  const isOpen = event.position === opened;
  return (
    <li>
      <button
        type="button"
        aria-expanded={isOpen}
        className={classNames(ROW, isOpen && 'bg-accent-wash')}
        onClick={() => onOpen(isOpen ? undefined : event.position)}
      >
        <At event={event} />
        {words}
      </button>
      {isOpen && (
        <div className="mt-1 mb-3 border-l-2 border-accent pl-3">
          <EventBody event={event} without={isUser ? 'user' : 'company'} />
        </div>
      )}
    </li>
  );
}
