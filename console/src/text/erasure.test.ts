import { describe, expect, test } from 'vitest';
import {
  askerOf,
  erasureTone,
  erasureWords,
  fileNameOf,
  placeWords,
  removedWords,
  whoOf,
} from './erasure.ts';

const NOW = Date.parse('2026-11-21T12:00:00Z');
const standing = {
  status: 'queued',
  is_late: false,
  due_at: '2026-11-21T11:59:59Z',
  started_at: null,
  jobs: 0,
};

describe('an erasure', () => {
  test('says who is erased and who asked', () => {
    expect(whoOf({ kind: 'users', ids: 1 })).toBe('1 user');
    expect(whoOf({ kind: 'companies', ids: 2_000 })).toBe('2,000 companies');
    expect(askerOf({ asked_by: { kind: 'member', name: 'Ada' } })).toBe('Ada');
    expect(askerOf({ asked_by: { kind: 'key', name: 'CRM' } })).toBe('the key CRM');
    expect(askerOf({ asked_by: null })).toBe('not known');
  });

  test('says how it stands', () => {
    const words = (change: Partial<typeof standing>) => {
      const now = { ...standing, ...change };
      return `${erasureWords(now, NOW)}, ${erasureTone(now)}`;
    };
    expect(words({})).toBe('Hidden, to be removed, muted');
    expect(words({ due_at: '2026-11-22T02:00:00Z' })).toBe('Hidden, removed later, muted');
    expect(words({ status: 'processing' })).toBe('Being removed, muted');
    expect(words({ status: 'pending_refresh' })).toBe('Looks again, muted');
    expect(words({ status: 'completed' })).toBe('Complete, good');
    expect(words({ is_late: true })).toBe('Late, bad');
    expect(words({ is_late: true, status: 'completed' })).toBe('Complete, later than promised, warn');
  });

  test('tells what each place gave up, also of a place that is not known here', () => {
    expect(placeWords('log')).toBe('The log of everything received');
    expect(placeWords('history')).toBe('history');
    expect(removedWords({ events: 12, guards: 1, events_reduced: 0 })).toBe(
      '12 events, 1 record of a repeatable call',
    );
    expect(removedWords({ later_thing: 2 })).toBe('2 later_thing');
    expect(removedWords({})).toBe('nothing');
  });

  test('has a file name without colons', () => {
    expect(fileNameOf('delete:jobs:NX-1a2b:7c1f-0a52')).toBe('erasure-7c1f-0a52.json');
  });
});
