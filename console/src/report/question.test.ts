import { expect, test } from 'vitest';
import {
  type Breakdown,
  breakdownAt,
  breakdownOf,
  breakdownValue,
  FIRST,
  isComplete,
  KINDS,
  letter,
  levelOf,
  readQuestion,
  sent,
  type TrendQuestion,
  textsOf,
  valuesOf,
  whereOf,
} from './question.ts';

test.each(KINDS)('a %s without a question begins with the first one', (kind) => {
  for (const given of [undefined, null, 'x', 7]) expect(readQuestion(kind, given)).toEqual(FIRST[kind]);
});

test('an address gives a question, and nothing that is of another shape', () => {
  const given = {
    steps: [{ event: 'a' }, { event: 'b' }],
    order: 'strict',
    counting: 'everything',
    window: 7,
    last_days: 90,
    unknown: true,
  };
  expect(readQuestion('funnel', given)).toEqual({
    ...FIRST.funnel,
    steps: [{ event: 'a' }, { event: 'b' }],
    order: 'strict',
    last_days: 90,
  });
  // Through an address and back.
  const question = readQuestion('funnel', given);
  expect(readQuestion('funnel', JSON.parse(JSON.stringify(question)))).toEqual(question);
});

test('a question counts users unless it says companies', () => {
  for (const kind of KINDS) {
    expect(levelOf(readQuestion(kind, { level: 'company' }))).toBe('company');
    for (const level of ['user', 'team', undefined]) {
      expect(levelOf(readQuestion(kind, { level }))).toBe('user');
    }
  }
});

test('a question has one span', () => {
  const between = readQuestion('trend', { from: '2026-01-01', to: '2026-02-01', last_days: 7 });
  expect([between.from, between.to, between.last_days]).toEqual(['2026-01-01', '2026-02-01', undefined]);
  // Also while one of two dates is missing.
  for (const given of [{ last_days: 90 }, { from: '2026-01-01' }, { to: '2026-01-01' }]) {
    expect(readQuestion('retention', given).intervals).toBeUndefined();
  }
  expect(readQuestion('retention', {}).intervals).toBe(12);
});

test('a question is asked once nothing is missing', () => {
  expect(isComplete('trend', FIRST.trend)).toBe(true);
  expect(isComplete('retention', FIRST.retention)).toBe(true);
  expect(isComplete('funnel', FIRST.funnel)).toBe(false);
  expect(isComplete('path', FIRST.path)).toBe(false);
  const funnel = { ...FIRST.funnel, steps: [{ event: 'a' }, { type: 'page_view' }] };
  expect(isComplete('funnel', funnel)).toBe(true);
  expect(isComplete('funnel', { ...funnel, window: { days: 0 } })).toBe(false);
  expect(isComplete('funnel', { ...funnel, last_days: undefined, from: '2026-01-01' })).toBe(false);
  expect(isComplete('funnel', { ...funnel, who: { filter: '' } })).toBe(false);
  expect(isComplete('funnel', { ...funnel, steps: [{ event: 'a' }] })).toBe(false);
  const where = [{ name: 'plan', any_of: [] }];
  expect(isComplete('funnel', { ...funnel, steps: [{ event: 'a', where }, { event: 'b' }] })).toBe(false);
  const sum: TrendQuestion = { ...FIRST.trend, series: [{ active: true, measure: 'sum' }] };
  expect(isComplete('trend', sum)).toBe(false);
  expect(isComplete('trend', { ...sum, series: [{ active: true, measure: 'sum', property: 'a' }] })).toBe(
    true,
  );
});

test('series are sent with their letters', () => {
  const series = [
    { active: true as const, measure: 'total' as const },
    { active: true as const, measure: 'dau' as const, name: 'Daily' },
  ];
  expect(sent('trend', { ...FIRST.trend, series }).series.map(({ name }) => name)).toEqual(['A', 'Daily']);
  expect(letter(9)).toBe('J');
});

test('a text means whatever it may have been sent as, and reads as one value', () => {
  expect(valuesOf(['pro', '12', 'true', '"x"', '1.0', 'null'])).toEqual([
    'pro',
    '12',
    12,
    'true',
    true,
    '"x"',
    '1.0',
    'null',
  ]);
  expect(textsOf(valuesOf(['12', 'pro']))).toEqual(['12', 'pro']);
});

test('a breakdown is chosen from a list, and a user’s value is that of now or of the event', () => {
  const all: [string, Breakdown][] = [
    ['user:plan', { user: 'plan' }],
    ['company:plan:size', { company: 'plan:size' }],
    ['event:a', { event: 'a' }],
  ];
  for (const [value, breakdown] of all) {
    expect(breakdownOf(value)).toEqual(breakdown);
    expect(breakdownValue(breakdown)).toBe(value);
  }
  expect([breakdownOf(undefined), breakdownValue(undefined)]).toEqual([undefined, undefined]);
  const then = breakdownAt({ user: 'plan' }, 'event');
  expect(then).toEqual({ user: 'plan', at: 'event' });
  expect(breakdownAt(then, undefined)).toEqual({ user: 'plan' });
  expect(breakdownAt({ event: 'a' }, 'event')).toEqual({ event: 'a' });
  // Another property of the user is asked at the same time; one of others has no time.
  expect(breakdownOf('user:seats', then)).toEqual({ user: 'seats', at: 'event' });
  expect(breakdownOf('company:seats', then)).toEqual({ company: 'seats' });
  const question = { ...FIRST.funnel, breakdown: then };
  expect(readQuestion('funnel', JSON.parse(JSON.stringify(question))).breakdown).toEqual(then);
});

test('a filter is about the event, or about its user as they were then', () => {
  const where = { name: 'plan', any_of: ['pro'] };
  const then = whereOf(where, 'user');
  expect(then).toEqual({ ...where, of: 'user', at: 'event' });
  expect(whereOf(then, 'event')).toEqual(where);
});
