import { expect, test } from 'vitest';
import { firstText, MASK, reading } from './value.ts';

const shown = (value: unknown, type?: string) => reading(value, type).text;

test('texts are plain, and quoted only where one could not see what they are', () => {
  expect(['pro', '', ' pro', 'say "hi"'].map((value) => shown(value))).toEqual([
    'pro',
    '""',
    '" pro"',
    'say "hi"',
  ]);
});

test('numbers are grouped only when they are too large to be a year', () => {
  expect([2026, 12_408, 0.5, -1_234_567.25].map((value) => shown(value))).toEqual([
    '2026',
    '12,408',
    '0.5',
    '-1,234,567.25',
  ]);
});

test('booleans are words, null is said, masked values are not mistaken for values', () => {
  expect(shown(true)).toBe('yes');
  expect(reading(null).kind).toBe('removed');
  expect(reading(MASK).kind).toBe('masked');
});

test('a date without a zone is one in UTC', () => {
  expect(reading('2026-03-04 12:00:00', 'Date')).toMatchObject({
    kind: 'date',
    at: Date.UTC(2026, 2, 4, 12),
  });
  expect(reading('2026-03-04T12:00:00+02:00', 'Date')).toMatchObject({ at: Date.UTC(2026, 2, 4, 10) });
  expect(reading('2026-03-04', 'Date')).toMatchObject({ at: Date.UTC(2026, 2, 4) });
  expect(reading('soon', 'Date').kind).toBe('text');
});

test('a name is the first text that says something', () => {
  expect(firstText({ name: ' ', email: 'ada@example.com' }, ['name', 'email'])).toBe('ada@example.com');
  expect(firstText({ name: MASK, email: 7 }, ['name', 'email'])).toBeNull();
});
