/** Erasures in words. */
import type { Erasure } from '../api/types.ts';
import { countOf } from './number.ts';

type Named = Pick<Erasure, 'kind' | 'ids'>;

/** `1 user`, `3 companies`. */
export const whoOf = ({ kind, ids }: Named) =>
  kind === 'companies' ? countOf(ids, 'company', 'companies') : countOf(ids, 'user');

/** Who asked: a member by name, a key as one. */
export function askerOf(erasure: Pick<Erasure, 'asked_by'>): string {
  const asker = erasure.asked_by;
  if (asker === null || asker === undefined) return 'not known';
  return asker.kind === 'key' ? `the key ${asker.name}` : asker.name;
}

type Standing = Pick<Erasure, 'status' | 'is_late' | 'due_at' | 'jobs' | 'started_at'>;

/** How an erasure stands, in a few words. */
export function erasureWords({ status, is_late, due_at, started_at }: Standing, now: number): string {
  if (status === 'completed') return is_late ? 'Complete, later than promised' : 'Complete';
  if (is_late) return 'Late';
  if (status === 'pending_refresh') return 'Looks again';
  if (status === 'processing' || started_at) return 'Being removed';
  return Date.parse(due_at) > now ? 'Hidden, removed later' : 'Hidden, to be removed';
}

export function erasureTone({ status, is_late }: Standing): 'good' | 'warn' | 'bad' | 'muted' {
  if (is_late) return status === 'completed' ? 'warn' : 'bad';
  return status === 'completed' ? 'good' : 'muted';
}

const PLACES: Record<string, string> = {
  log: 'The log of everything received',
  jobs: 'Rejected rows of files',
  profiles: 'Profiles and what is searched',
  exports: 'Files of exports',
  base: 'What dropped events came to',
};

/** Where something was, as people call it. */
export const placeWords = (place: string) => PLACES[place] ?? place;

const REMOVED: Record<string, [string, string]> = {
  events: ['event', 'events'],
  events_reduced: ['event cut to what it said of others', 'events cut to what they said of others'],
  guards: ['record of a repeatable call', 'records of repeatable calls'],
  rejected_rows: ['rejected row', 'rejected rows'],
  profiles: ['profile', 'profiles'],
  files: ['file', 'files'],
};

/** What a place gave up: `12 events, 1 record of a repeatable call`; what a newer server removes goes by its own name. */
export function removedWords(removed: Record<string, number>): string {
  const parts = Object.entries(removed)
    .filter(([, number]) => number > 0)
    .map(([what, number]) => countOf(number, ...(REMOVED[what] ?? [what, what])));
  return parts.join(', ') || 'nothing';
}

/** The name of a certificate as a file. */
export const fileNameOf = (id: string) => `erasure-${id.split(':').at(-1) ?? id}.json`;
