import { expect, test } from 'vitest';
import { goingNames, goingWords, isLoss, keptWords } from './kept-events.ts';

const would = {
  before: '2026-08-23T12:00:00Z',
  events: 0,
  bytes: 0,
  oldest_received_at: null,
  newest_received_at: null,
  names: [],
  names_count: 0,
};

test('how long events are kept is a sentence', () => {
  expect(keptWords(null)).toBe('Events are kept for good.');
  expect(keptWords(1)).toBe('Events are kept for 1 day after they arrived.');
  expect(keptWords(1_095)).toBe('Events are kept for 1,095 days after they arrived.');
});

test('only fewer days take events away', () => {
  const changes: [number | null, number | null][] = [
    [null, 3_660],
    [90, 30],
    [90, 90],
    [90, 365],
    [90, null],
    [null, null],
  ];
  expect(changes.map(([before, after]) => isLoss(before, after))).toEqual([
    true,
    true,
    false,
    false,
    false,
    false,
  ]);
});

test('what would go is told with its size and its days', () => {
  expect(goingWords(would)).toBe('No event is as old as that now.');
  const some = {
    ...would,
    events: 1_204_331,
    bytes: 160_221_094,
    oldest_received_at: '2025-02-03T12:00:00Z',
    newest_received_at: '2026-08-23T11:59:59Z',
  };
  expect(goingWords(some)).toBe(
    '1,204,331 events would go now, about 160.2 MB. They arrived from 3 Feb 2025 to 23 Aug 2026.',
  );
  const one = { ...some, events: 1, bytes: 312, oldest_received_at: some.newest_received_at };
  expect(goingWords(one)).toBe('1 event would go now, about 312 bytes. It arrived on 23 Aug 2026.');
});

test('the most frequent names are told, and how many others there are', () => {
  const name = (event_name: string, events: number) => ({ event_type: 'track', event_name, events });
  const identified = { event_type: 'identify_user', event_name: '', events: 1_200 };
  expect(goingNames({ ...would, names: [identified, name('paid', 3)], names_count: 2 })).toBe(
    'User identified 1,200, paid 3',
  );
  const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((letter) => name(letter, 2));
  expect(goingNames({ ...would, names, names_count: 41 })).toBe('a 2, b 2, c 2, d 2, e 2 and 36 other names');
});
