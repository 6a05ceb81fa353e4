import { describe, expect, test } from 'vitest';
import {
  asOfSearch,
  eventSearch,
  explorerSearch,
  fromLocal,
  kindOf,
  kindValue,
  propertyFilter,
  propertyOf,
  rangeOf,
  SPAN_NAMES,
  SPANS,
  spanStart,
  toLocal,
} from './history-search.ts';

/** Without what is absent, as an address has it. */
const said = (search: object) =>
  Object.fromEntries(Object.entries(search).filter(([, value]) => value !== undefined));

describe('an address', () => {
  test('is read as what the page understands of it, and the rest is left out', () => {
    expect(
      said(
        explorerSearch({
          event: 'paid',
          type: 'identify_user',
          user: 7,
          property: 'plan:pro',
          time: 'never',
          from: '2026-11-01',
          to: 'soon',
        }),
      ),
    ).toEqual({ event: 'paid', user: '7', property: ['plan:pro'], from: '2026-11-01' });
    expect(said(explorerSearch({ property: ['a:1', '', null, 'b:2'] }))).toEqual({
      property: ['a:1', 'b:2'],
    });
    expect(said(explorerSearch({ time: '24h', from: '2026-11-01' })), 'one time only').toEqual({
      time: '24h',
    });
    expect(said(eventSearch({ type: 'identify_user', breakdown: 'company:plan', span: '90d' }))).toEqual({
      type: 'identify_user',
      breakdown: 'company:plan',
      span: '90d',
    });
    expect(said(eventSearch({ event: 'paid', breakdown: 'firm:plan', measure: 'total' }))).toEqual({
      event: 'paid',
    });
    const then = { event: 'paid', breakdown: 'user:plan', breakdown_at: 'event' };
    expect(said(eventSearch(then))).toEqual(then);
    expect(said(eventSearch({ ...then, breakdown: 'event:plan' })), 'only a user was something then').toEqual(
      {
        event: 'paid',
        breakdown: 'event:plan',
      },
    );
    expect(said(asOfSearch({ as_of: 'yesterday' }))).toEqual({});
  });

  test('means a range of time', () => {
    const now = Date.parse('2026-11-21T10:00:00Z');
    expect(rangeOf({ time: '24h' }, now)).toEqual({ from: '2026-11-20T10:00:00.000Z' });
    expect(rangeOf({ from: '2026-11-01', to: '2026-11-02' }, now)).toEqual({
      from: '2026-11-01',
      to: '2026-11-02',
    });
  });
});

test('a kind of event is one text and again a kind', () => {
  for (const kind of [{ event: 'a:b' }, { type: 'identify_user' }, { event: 'type:x' }]) {
    expect(said(kindOf(kindValue(kind)))).toEqual(kind);
  }
  expect(said(kindOf(kindValue({})))).toEqual({});
});

test('a filter on a property is one text and again a name with a value', () => {
  for (const filter of [
    { name: 'plan', value: 'pro' },
    { name: 'utm:source', value: 'a:b' },
    { name: 'empty', value: '' },
  ]) {
    expect(propertyOf(propertyFilter(filter.name, filter.value))).toEqual(filter);
  }
  expect(propertyFilter('utm:source', 'x')).toBe('utm\\:source:x');
});

describe('times', () => {
  test('of a span begin where its first interval begins', () => {
    const now = new Date(2026, 10, 21, 17, 32, 5).getTime();
    expect(spanStart('30d', now)).toEqual(new Date(2026, 9, 23));
    expect(spanStart('48h', now)).toEqual(new Date(2026, 10, 19, 18));
    expect(spanStart('26w', now).getDay(), 'weeks begin on Monday').toBe(1);
    expect(spanStart('26w', now)).toEqual(new Date(2026, 4, 25));
    expect(spanStart('12m', now)).toEqual(new Date(2025, 11, 1));
    expect(spanStart('12m', new Date(2026, 9, 31).getTime()), 'no month is skipped').toEqual(
      new Date(2025, 10, 1),
    );
    expect(SPAN_NAMES[0] && SPANS[SPAN_NAMES[0]].interval).toBe('day');
  });

  test('are entered in the viewer’s zone', () => {
    const at = new Date(2026, 10, 21, 9, 5);
    expect(toLocal(at.toISOString())).toBe('2026-11-21T09:05');
    expect(fromLocal('2026-11-21T09:05')).toBe(at.toISOString());
    expect(fromLocal('')).toBeUndefined();
    expect(toLocal(undefined)).toBe('');
  });
});
