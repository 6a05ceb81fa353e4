import { expect, test } from 'vitest';
import type { TrendAnswer } from './answer.ts';
import { isLastOpen, trendLines } from './lines.ts';
import { FIRST, type TrendQuestion } from './question.ts';
import { branchName, funnelWords, retentionWords, trendWords } from './words.ts';

const values = (...numbers: number[]) => ({ values: numbers, whole: numbers.length });
const answer: TrendAnswer = {
  interval: 'day',
  zone: 'Europe/Berlin',
  starts: ['2026-03-28T23:00:00Z', '2026-03-29T22:00:00Z'],
  previous_starts: ['2026-03-26T23:00:00Z', '2026-03-27T23:00:00Z'],
  series: [
    {
      name: 'A',
      total: values(3, 4),
      previous: values(1, 2),
      groups: [
        { value: 'pro', ...values(2, 2) },
        { value: null, ...values(1, 1) },
      ],
      other: values(0, 1),
      groups_left_out: 0,
    },
  ],
  formulas: [],
  snapshot: 's',
};
const one: TrendQuestion = { ...FIRST.trend, series: [{ event: 'paid', measure: 'unique_users' }] };

test('a series is one line, and one before it in its colour', () => {
  expect(trendLines(one, answer).map(({ name, color, behind }) => ({ name, color, behind }))).toEqual([
    { name: 'paid, different users', color: 0, behind: { series: 0, row: 'all' } },
    { name: 'paid, different users, before', color: 0, behind: null },
  ]);
});

test('a breakdown has a line for each value and one for all others', () => {
  const lines = trendLines({ ...one, breakdown: { user: 'plan' } }, answer);
  expect(lines.map(({ name, behind }) => [name, behind?.row])).toEqual([
    ['pro', { group: 'pro' }],
    ['without a value', { group: null }],
    ['all others', 'other'],
  ]);
});

test('formulas stand behind the series, and have no people', () => {
  const more = { ...answer, formulas: [{ name: 'A / B', ...values(1, 2) }] };
  expect(trendLines(one, more).at(-1)).toMatchObject({ name: 'A / B', behind: null, color: 1 });
});

test('the last interval is open as long as it may go on', () => {
  const starts = ['2026-03-27T23:00:00Z', '2026-03-28T23:00:00Z'];
  expect(isLastOpen(starts, 'day', Date.parse('2026-03-29T10:00:00Z'))).toBe(true);
  expect(isLastOpen(starts, 'day', Date.parse('2026-03-30T10:00:00Z'))).toBe(false);
  expect(isLastOpen([], 'day', 0)).toBe(false);
});

test('numbers have words', () => {
  expect(trendWords(one, answer, { series: 0, interval: 1, row: { group: 'pro' } })).toBe(
    'paid, different users, pro, Mon 30 Mar 2026',
  );
  const funnel = { ...FIRST.funnel, steps: [{ event: 'a' }, { type: 'page_view' }] };
  expect(funnelWords(funnel, { step: 1, stayed: false, row: 'all' })).toBe('came to step 2, Page view');
  expect(funnelWords(funnel, { step: 0, stayed: true, row: 'other' })).toBe(
    'came to step 1, a, and no further, of all other values',
  );
  expect(retentionWords('week', undefined, { cohort: 1, period: 3 })).toBe(
    'began in: cohort 2, came back in week 3',
  );
  expect(branchName({ event: null })).toBe('All others');
});
