/** Events in words, and what a timeline makes of them. */
import type { HistoryEvent } from '../api/history.ts';
import { count } from './number.ts';
import { date, weekday } from './time.ts';

/** What a property means for where something was done, the most telling first. */
const PLACES = ['url', 'path', 'page', 'screen', 'route', 'title'];

const TYPE_WORDS: Record<string, string> = {
  identify_user: 'User identified',
  identify_company: 'Company identified',
};

/** `identify_user` in words; a type that a newer server knows is shown as it is called. */
export function typeWords(type: string): string {
  const known = TYPE_WORDS[type];
  if (known !== undefined) return known;
  const words = type.replaceAll('_', ' ');
  return words.slice(0, 1).toUpperCase() + words.slice(1);
}

/** The name of a tracked event, or what its type is called. */
export function eventTitle(type: string, name: string | null | undefined): string {
  return name ? name : typeWords(type);
}

export interface Deed {
  /** What was done. */
  name: string;
  /** What it was done to, or where. */
  object: string | null;
}

/** One event in the fewest words: `page_viewed` and `/pricing`, `Profile changed` and `plan, seats`. */
export function deed(event: HistoryEvent): Deed {
  const metadata = event.metadata as Record<string, unknown>;
  if (event.event_name) return { name: event.event_name, object: place(metadata) };
  if (event.leaves_company) return { name: 'Left the company', object: event.company_id };
  const changed = list(Object.keys(metadata));
  if (changed === null) return { name: typeWords(event.event_type), object: null };
  const whose = event.event_type === 'identify_company' ? 'Company changed' : 'Profile changed';
  return { name: whose, object: changed };
}

const NAMED_MAX = 3;

function list(names: string[]): string | null {
  if (names.length === 0) return null;
  const left = names.length - NAMED_MAX;
  const named = names.slice(0, NAMED_MAX).join(', ');
  return left > 0 ? `${named} and ${count(left)} more` : named;
}

/** Where it was, when the event says so: of an address only what follows the host. */
function place(metadata: Record<string, unknown>): string | null {
  for (const name of PLACES) {
    const value = metadata[name];
    if (typeof value !== 'string' || value === '' || value === '•••') continue;
    return /^https?:\/\/[^/]+\/?/.test(value) ? pathOf(value) : value;
  }
  return null;
}

function pathOf(address: string): string {
  const path = address.replace(/^https?:\/\/[^/?#]*/, '').replace(/[?#].*$/, '');
  return path === '' ? '/' : path;
}

/** Events that follow each other and say the same. */
export interface Group {
  /** The position of its newest event. */
  id: string;
  deed: Deed;
  events: HistoryEvent[];
}

export interface Day {
  /** `21 Nov 2026` in the viewer's zone. */
  name: string;
  /** When its newest event happened. */
  at: number;
  groups: Group[];
}

/** A timeline, newest first, as days with what was repeated put together. */
export function timeline(events: Iterable<HistoryEvent>, timeZone?: string): Day[] {
  const days: Day[] = [];
  let day: Day | undefined;
  let group: { key: string; group: Group } | undefined;
  for (const event of events) {
    const at = Date.parse(event.occurred_at);
    const name = date(at, timeZone);
    if (day === undefined || day.name !== name) {
      day = { name, at, groups: [] };
      days.push(day);
      group = undefined;
    }
    const done = deed(event);
    const key = JSON.stringify([event.event_type, done.name, done.object, event.user_id, event.company_id]);
    if (group?.key === key) {
      group.group.events.push(event);
      continue;
    }
    group = { key, group: { id: event.position, deed: done, events: [event] } };
    day.groups.push(group.group);
  }
  return days;
}

const DAY_MS = 86_400_000;

/** `Today`, `Yesterday`, `Friday, 20 Nov 2026`. */
export function dayTitle(day: Pick<Day, 'name' | 'at'>, now: number, timeZone?: string): string {
  if (day.name === date(now, timeZone)) return 'Today';
  if (day.name === date(now - DAY_MS, timeZone)) return 'Yesterday';
  return `${weekday(day.at, timeZone)}, ${day.name}`;
}

const READ_AS: Record<string, string> = {
  null: 'removal',
  boolean: 'yes or no',
  integer: 'whole number',
  decimal: 'decimal number',
  numeric_text: 'number sent as text',
  date_text: 'date',
  text: 'text',
  json: 'object or list',
};

/** What values of a property read as. */
export function readsAs(type: string): string {
  return READ_AS[type] ?? type.replaceAll('_', ' ');
}

const PROPERTY_TYPES: Record<string, string> = {
  string: 'text',
  numeric: 'number',
  boolean: 'yes or no',
  date: 'date',
  json: 'object or list',
};

export function propertyType(type: string): string {
  return PROPERTY_TYPES[type] ?? type;
}

/** What JSON calls a value: those that read as numbers or dates are still strings where they are sent as such. */
const JSON_TYPE: Record<string, string> = {
  boolean: 'yes or no',
  integer: 'number',
  decimal: 'number',
  numeric_text: 'text',
  date_text: 'text',
  text: 'text',
  json: 'object or list',
};

/** The kinds of JSON values that were sent, when there is more than one: a removal is none. */
export function conflicting(types: readonly { type: string }[]): string[] {
  const kinds = [...new Set(types.flatMap(({ type }) => JSON_TYPE[type] ?? []))];
  return kinds.length > 1 ? kinds : [];
}

/** A value that events were told apart by; what lacks the property has none. */
export function groupTitle(group: unknown): string {
  if (group === null || group === undefined) return 'not set';
  if (typeof group === 'boolean') return group ? 'yes' : 'no';
  if (group === '') return '""';
  return typeof group === 'string'
    ? group
    : typeof group === 'number'
      ? String(group)
      : JSON.stringify(group);
}
