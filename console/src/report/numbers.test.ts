import { expect, test } from 'vitest';
import { readNumber } from './answer.ts';
import { figure, groupName, percent, span } from './numbers.ts';
import { kindOf, reportSearch } from './search.ts';

test('figures are grouped, rounded to what is read, and absent ones are a dash', () => {
  expect([1204, 3.256, 0, null, undefined].map(figure)).toEqual(['1,204', '3.26', '0', '–', '–']);
});

test('shares never read as nothing or all when they are not', () => {
  expect(percent(5, 8)).toBe('62.5%');
  expect(percent(8, 8)).toBe('100%');
  expect(percent(0, 8)).toBe('0%');
  expect(percent(1, 10_000)).toBe('<0.1%');
  expect(percent(9_999, 10_000)).toBe('>99.9%');
  expect(percent(0, 0)).toBe('–');
});

test('a length of time has its two largest units', () => {
  const lengths = [0.42, 0.97, 59.6, 60, 734, 3_725, 86_400, 259_205, 273_600];
  const words = ['0.4 s', '1 s', '1 min', '1 min', '12 min 15 s', '1 h 2 min', '1 d', '3 d', '3 d 4 h'];
  expect(lengths.map(span)).toEqual(words);
});

test('a length of time says no more than is known of it, and never sixty of a unit', () => {
  const whole = [60, 720, 3_600, 7_200, 86_400, 3 * 86_400, 7 * 86_400, 30 * 86_400, 366 * 86_400];
  const tooSmall = whole.map((seconds) => span(seconds * 0.9991));
  expect(tooSmall).toEqual(['1 min', '12 min', '1 h', '2 h', '1 d', '3 d', '7 d', '30 d', '366 d']);
  expect([10_790, 86_220, 3_599, 86_399, 171_000].map(span)).toEqual([
    '3 h',
    '23 h 55 min',
    '1 h',
    '1 d',
    '2 d',
  ]);
});

test('groups are called by their values', () => {
  expect(['pro', '', null, 7, true].map(groupName)).toEqual(['pro', '""', 'without a value', '7', 'true']);
});

test('an address names a number, or none', () => {
  expect(readNumber('funnel', { step: 1, row: { group: 'pro' } })).toEqual({
    step: 1,
    stayed: false,
    row: { group: 'pro' },
  });
  expect(readNumber('trend', { series: 0, row: 'nonsense' })).toEqual({ series: 0, row: 'all' });
  expect(readNumber('retention', { cohort: 2, period: 0 })).toEqual({ cohort: 2, period: 0 });
  expect(readNumber('path', { level: 1 })).toBeUndefined();
  expect(readNumber('funnel', { step: -1 })).toBeUndefined();
  expect(readNumber('funnel', 'step')).toBeUndefined();
});

test('an address of a report is read, and what is of another shape is left out', () => {
  expect(reportSearch({ report: '7', question: { a: 1 }, number: [1] })).toEqual({
    report: 7,
    question: { a: 1 },
    number: undefined,
  });
  expect([kindOf('funnel'), kindOf('constructor')]).toEqual(['funnel', undefined]);
});
