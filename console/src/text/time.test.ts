import { expect, test } from 'vitest';
import { absolute, clock, inFull, relative } from './time.ts';

const NOW = Date.UTC(2026, 10, 21, 9, 31, 2, 481);
const ago = (seconds: number) => relative(NOW - seconds * 1000, NOW);

test('ages are told in the largest unit that fits', () => {
  expect([0, 4, 12, 59, 60, 3599, 3600, 86_399, 86_400, 86_400 * 5].map(ago)).toEqual([
    'just now',
    'just now',
    '12 s ago',
    '59 s ago',
    '1 min ago',
    '59 min ago',
    '1 h ago',
    '23 h ago',
    '1 day ago',
    '5 days ago',
  ]);
});

test('what is older than a month is told by its date', () => {
  expect(ago(86_400 * 40)).toBe('12 Oct 2026');
});

test('what lies ahead is told too, and clocks may differ a little', () => {
  expect([-20, -600, -7200, -86_400 * 7 + 5].map(ago)).toEqual([
    'just now',
    'in 10 min',
    'in 2 h',
    'in 7 days',
  ]);
});

test('on hover stands the time in full, in the viewer’s zone and in UTC', () => {
  expect(absolute(NOW, 'Europe/Berlin')).toBe('21 Nov 2026, 10:31:02 CET');
  expect(absolute(NOW, 'UTC', true)).toBe('21 Nov 2026, 09:31:02.481 UTC');
  expect(inFull(NOW, 'Europe/Berlin')).toBe('21 Nov 2026, 10:31:02 CET\n21 Nov 2026, 09:31:02 UTC');
  expect(inFull(NOW, 'UTC')).toBe('21 Nov 2026, 09:31:02 UTC');
});

test('the clock shows milliseconds', () => {
  expect(clock(NOW, 'UTC')).toBe('09:31:02.481');
});
