/** What the addresses of the pages about history say, and the times that they mean. */
import type { Interval } from './text/chart.ts';

type Given = Record<string, unknown>;

const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : typeof value === 'number' ? String(value) : undefined;

/** An instant, when the text is one. */
const instant = (value: unknown): string | undefined => {
  const read = text(value);
  return read !== undefined && !Number.isNaN(Date.parse(read)) ? read : undefined;
};

const oneOf = <Word extends string>(value: unknown, words: readonly Word[]): Word | undefined =>
  words.find((word) => word === value);

/** Either the name of a tracked event, or a type of those that have no name. */
export interface KindSearch {
  event?: string;
  type?: string;
}
const kindSearch = (search: Given): KindSearch => {
  const event = text(search.event);
  return { event, type: event === undefined ? text(search.type) : undefined };
};

/** A kind of event as one text, for a list to choose from. */
export function kindValue({ event, type }: KindSearch): string {
  return event !== undefined ? `event:${event}` : type !== undefined ? `type:${type}` : '';
}
export function kindOf(value: string): KindSearch {
  const [word, rest] = [value.slice(0, value.indexOf(':')), value.slice(value.indexOf(':') + 1)];
  return { event: word === 'event' ? rest : undefined, type: word === 'type' ? rest : undefined };
}
/** The kind of an event that the server told of. */
export function kindNamed(event: { event_type: string; event_name: string | null }): KindSearch {
  return event.event_name ? { event: event.event_name } : { type: event.event_type };
}

export interface TimelineSearch extends KindSearch {
  /** The position of the opened event. */
  opened?: string;
}
export const timelineSearch = (search: Given): TimelineSearch => ({
  ...kindSearch(search),
  opened: text(search.opened),
});

export interface AsOfSearch {
  /** The time that the page shows; now when absent. */
  as_of?: string;
}
export const asOfSearch = (search: Given): AsOfSearch => ({ as_of: instant(search.as_of) });

export const TIMES = { '1h': 3_600_000, '24h': 86_400_000, '7d': 604_800_000, '30d': 2_592_000_000 } as const;
export type TimeName = keyof typeof TIMES;
const TIME_NAMES = Object.keys(TIMES) as TimeName[];

export interface ExplorerSearch extends KindSearch {
  user?: string;
  company?: string;
  /** `NAME:VALUE`, as the API reads it. */
  property?: string[];
  /** Back from now; excludes `from` and `to`. */
  time?: TimeName;
  from?: string;
  to?: string;
  /** The selected and the opened event. */
  row?: string;
  opened?: string;
}

export const explorerSearch = (search: Given): ExplorerSearch => {
  const time = oneOf(search.time, TIME_NAMES);
  const properties = (Array.isArray(search.property) ? search.property : [search.property]).flatMap(
    (each) => text(each) ?? [],
  );
  return {
    ...kindSearch(search),
    user: text(search.user),
    company: text(search.company),
    property: properties.length > 0 ? properties : undefined,
    time,
    from: time === undefined ? instant(search.from) : undefined,
    to: time === undefined ? instant(search.to) : undefined,
    row: text(search.row),
    opened: text(search.opened),
  };
};

/** The time range that an explorer's address means. */
export function rangeOf({ time, from, to }: ExplorerSearch, now: number): { from?: string; to?: string } {
  return time === undefined ? { from, to } : { from: new Date(now - TIMES[time]).toISOString() };
}

/** A filter on a property, as the API reads it: the name ends at the first colon, one in it is escaped. */
export function propertyFilter(name: string, value: string): string {
  return `${name.replaceAll(':', '\\:')}:${value}`;
}
export function propertyOf(filter: string): { name: string; value: string } {
  const end = /(?<!\\):/.exec(filter)?.index ?? filter.length;
  return { name: filter.slice(0, end).replaceAll('\\:', ':'), value: filter.slice(end + 1) };
}

export const ORDERS = ['count', 'last', 'name'] as const;
export interface EventsSearch {
  q?: string;
  order?: (typeof ORDERS)[number];
  row?: string;
}
export const eventsSearch = (search: Given): EventsSearch => ({
  q: text(search.q),
  order: oneOf(search.order, ORDERS),
  row: text(search.row),
});

/** How far back a chart reaches, and in what steps; the first is what is shown when the address names none. */
export const SPANS = {
  '30d': { title: 'Last 30 days', interval: 'day', steps: 30 },
  '90d': { title: 'Last 90 days', interval: 'day', steps: 90 },
  '48h': { title: 'Last 48 hours', interval: 'hour', steps: 48 },
  '26w': { title: 'Last 26 weeks', interval: 'week', steps: 26 },
  '12m': { title: 'Last 12 months', interval: 'month', steps: 12 },
} as const satisfies Record<string, { title: string; interval: Interval; steps: number }>;
export type SpanName = keyof typeof SPANS;
export const SPAN_NAMES = Object.keys(SPANS) as SpanName[];

/** When the first interval of a span begins, in the zone of whoever looks. */
export function spanStart(span: SpanName, now: number): Date {
  const { interval, steps } = SPANS[span];
  const at = new Date(now);
  if (interval === 'hour') {
    at.setMinutes(0, 0, 0);
    return new Date(at.getTime() - (steps - 1) * 3_600_000);
  }
  at.setHours(0, 0, 0, 0);
  if (interval === 'day') at.setDate(at.getDate() - (steps - 1));
  if (interval === 'week') at.setDate(at.getDate() - ((at.getDay() + 6) % 7) - 7 * (steps - 1));
  if (interval === 'month') at.setMonth(at.getMonth() - (steps - 1), 1);
  return at;
}

export interface EventSearch extends KindSearch {
  span?: SpanName;
  measure?: 'unique_users';
  /** `event:NAME`, `user:NAME` or `company:NAME`. */
  breakdown?: string;
  /** By a user's property as it was when each event happened; as it is now when absent. */
  breakdown_at?: 'event';
}
export const eventSearch = (search: Given): EventSearch => ({
  ...kindSearch(search),
  span: oneOf(search.span, SPAN_NAMES),
  measure: oneOf(search.measure, ['unique_users']),
  breakdown: /^(event|user|company):./s.test(text(search.breakdown) ?? '')
    ? text(search.breakdown)
    : undefined,
  breakdown_at: text(search.breakdown)?.startsWith('user:')
    ? oneOf(search.breakdown_at, ['event'])
    : undefined,
});

export const OWNERS = ['user', 'company', 'event'] as const;
export type Owner = (typeof OWNERS)[number];
export interface PropertiesSearch {
  owner?: Owner;
  q?: string;
  conflicts?: boolean;
  row?: string;
  opened?: string;
}
export const propertiesSearch = (search: Given): PropertiesSearch => ({
  owner: oneOf(search.owner, OWNERS),
  q: text(search.q),
  conflicts: search.conflicts === true ? true : undefined,
  row: text(search.row),
  opened: text(search.opened),
});

/** An instant as a date-time control shows it, in the zone of whoever looks, and back. */
export function toLocal(at: string | number | undefined): string {
  if (at === undefined) return '';
  const time = new Date(at);
  return new Date(time.getTime() - time.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
export function fromLocal(entered: string): string | undefined {
  const time = new Date(entered).getTime();
  return entered === '' || Number.isNaN(time) ? undefined : new Date(time).toISOString();
}
