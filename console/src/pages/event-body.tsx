/** What the pages about events share: one event opened, and the choice of a kind of events. */
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { eventNamesQuery, type HistoryEvent } from '../api/history.ts';
import { useEnvironment } from '../frame/session.ts';
import { type KindSearch, kindNamed, kindOf, kindValue } from '../history-search.ts';
import { eventTitle } from '../text/history.ts';
import { absolute, inFull, viewerTimeZone } from '../text/time.ts';
import { CopyIconButton } from '../ui/copy.tsx';
import { INPUT } from '../ui/field.tsx';
import { FullValue } from '../ui/value.tsx';

/** All of one event: when, about whom, and what it brought. */
export function EventBody({ event, without }: { event: HistoryEvent; without?: 'user' | 'company' }) {
  const at = Date.parse(event.occurred_at);
  const received = Date.parse(event.received_at);
  const kind = kindNamed(event);
  const facts: [string, ReactNode][] = [
    ['When', <Moment key="at" at={at} />],
    ...(Math.abs(received - at) >= 1_000
      ? ([['Received', <Moment key="received" at={received} />]] satisfies [string, ReactNode][])
      : []),
  ];
  if (event.user_id !== null && without !== 'user') {
    facts.push([
      'User',
      <Link key="user" to="/users/$id" params={{ id: event.user_id }} search={{}} className="link break-all">
        {event.user_id}
      </Link>,
    ]);
  }
  if (event.company_id !== null && without !== 'company') {
    facts.push([
      'Company',
      <Link
        key="company"
        to="/companies/$id"
        params={{ id: event.company_id }}
        search={{}}
        className="link break-all"
      >
        {event.company_id}
      </Link>,
    ]);
  }
  facts.push(['Came from', event.source]);
  if (event.event_id) facts.push(['Event id', <code key="id">{event.event_id}</code>]);
  facts.push([
    'Position',
    <span key="position" className="flex items-baseline gap-1">
      <Link to="/events/explorer" search={{ opened: event.position }} className="link break-all">
        <code>{event.position}</code>
      </Link>
      <CopyIconButton text={event.position} what="the position" />
    </span>,
  ]);
  return (
    <div className="text-data">
      <Brought values={event.metadata as Record<string, unknown>} label="Properties" />
      {event.company && (
        <Brought values={event.company as Record<string, unknown>} label="Properties of the company" />
      )}
      <dl className="mt-3 grid grid-cols-[auto_minmax(0,1fr)] items-baseline gap-x-5 gap-y-1">
        {facts.map(([name, value]) => (
          <div key={name} className="contents">
            <dt className="text-muted">{name}</dt>
            <dd className="min-w-0 break-words">{value}</dd>
          </div>
        ))}
      </dl>
      <Link to="/events/event" search={kind} className="link mt-2 inline-block">
        All about {eventTitle(event.event_type, event.event_name)}
      </Link>
    </div>
  );
}

function Moment({ at }: { at: number }) {
  return (
    <time dateTime={new Date(at).toISOString()} title={inFull(at)}>
      {absolute(at, undefined, true)}
    </time>
  );
}

function Brought({ values, label }: { values: Record<string, unknown>; label: string }) {
  const all = Object.entries(values);
  if (all.length === 0) return <p className="text-muted">It brought no properties.</p>;
  return (
    <table className="w-full table-fixed border-collapse" aria-label={label}>
      <tbody>
        {all.map(([name, value]) => (
          <tr key={name} className="border-b border-line align-top last:border-b-0">
            <th scope="row" className="w-[38%] py-1 pr-3 text-left font-normal break-words text-muted">
              {name}
            </th>
            <td className="py-1">
              <FullValue value={value} type="" />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Chooses among the events that there are; what the address names stands there even if there is none. */
export function KindChoice({
  chosen,
  onChange,
  className,
}: {
  chosen: KindSearch;
  onChange: (kind: KindSearch) => void;
  className?: string;
}) {
  const environment = useEnvironment();
  const names = useQuery(eventNamesQuery(environment.id, viewerTimeZone()));
  const value = kindValue(chosen);
  const kinds = (names.data?.data ?? []).map((each) => ({
    value: kindValue(kindNamed(each)),
    title: eventTitle(each.event_type, each.event_name),
    isNamed: each.event_name !== '',
  }));
  const isKnown = value === '' || kinds.some((kind) => kind.value === value);
  const sorted = kinds.toSorted(
    (a, b) => Number(b.isNamed) - Number(a.isNamed) || a.title.localeCompare(b.title),
  );
  return (
    <select
      aria-label="Event"
      value={value}
      onChange={({ target }) => onChange({ event: undefined, type: undefined, ...kindOf(target.value) })}
      className={`${INPUT} ${className ?? ''}`}
    >
      <option value="">Any event</option>
      {!isKnown && <option value={value}>{eventTitle(chosen.type ?? '', chosen.event)}</option>}
      {sorted.map((kind) => (
        <option key={kind.value} value={kind.value}>
          {kind.title}
        </option>
      ))}
    </select>
  );
}
