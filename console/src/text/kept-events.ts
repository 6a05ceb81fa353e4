/** Raw events that are kept for some days, in words. */
import type { WouldDropEvents } from '../api/types.ts';
import { eventTitle } from './history.ts';
import { fileSize } from './job.ts';
import { count, countOf } from './number.ts';
import { date } from './time.ts';

/** For how many days events are kept; for good when null. */
export type Days = number | null;

/** How long events are kept. */
export function keptWords(days: Days): string {
  return days === null
    ? 'Events are kept for good.'
    : `Events are kept for ${countOf(days, 'day')} after they arrived.`;
}

/** Whether a change takes events away that would have been kept. */
export function isLoss(before: Days, after: Days): boolean {
  return after !== null && (before === null || after < before);
}

const NAMED_MAX = 5;

/** What would go now, in a sentence. */
export function goingWords({
  events,
  bytes,
  oldest_received_at,
  newest_received_at,
}: WouldDropEvents): string {
  if (events === 0 || !oldest_received_at || !newest_received_at) return 'No event is as old as that now.';
  const [oldest, newest] = [oldest_received_at, newest_received_at].map((at) => date(Date.parse(at)));
  const arrived = oldest === newest ? `on ${oldest}` : `from ${oldest} to ${newest}`;
  const which = events === 1 ? 'It' : 'They';
  return `${countOf(events, 'event')} would go now, about ${fileSize(bytes)}. ${which} arrived ${arrived}.`;
}

/** The most frequent names of those, and how many more there are: `paid 801, User identified 12 and 3 other names`. */
export function goingNames({ names, names_count }: WouldDropEvents): string {
  const named = names
    .slice(0, NAMED_MAX)
    .map(({ event_type, event_name, events }) => `${eventTitle(event_type, event_name)} ${count(events)}`);
  const left = names_count - named.length;
  return named.join(', ') + (left > 0 ? ` and ${countOf(left, 'other name')}` : '');
}
