import { describe, expect, test } from 'vitest';
import type { HistoryEvent } from '../api/history.ts';
import { conflicting, dayTitle, deed, eventTitle, groupTitle, timeline } from './history.ts';

let next = 0;
function event(
  at: string,
  name: string,
  metadata: object = {},
  more: Partial<HistoryEvent> = {},
): HistoryEvent {
  next += 1;
  return {
    position: `a-${next}`,
    event_type: 'track',
    event_name: name,
    user_id: 'u-1',
    company_id: null,
    source: 'backend-http',
    occurred_at: at,
    inserted_at: at,
    received_at: at,
    metadata: metadata as HistoryEvent['metadata'],
    ...more,
  };
}
const identified = (metadata: object, more: Partial<HistoryEvent> = {}) =>
  event('2026-11-20T10:00:00Z', '', metadata, { event_type: 'identify_user', ...more });

describe('an event in words', () => {
  test('says where it was, of an address only what follows the host', () => {
    const at = '2026-11-20T10:00:00Z';
    expect(deed(event(at, 'page_viewed', { url: 'https://app.example/pricing?plan=pro#top' }))).toEqual({
      name: 'page_viewed',
      object: '/pricing',
    });
    expect(deed(event(at, 'page_viewed', { url: 'https://app.example' })).object).toBe('/');
    expect(deed(event(at, 'page_viewed', { title: 'Home', path: '/home' })).object).toBe('/home');
    expect(deed(event(at, 'seat_added', { seats: 3 })).object).toBeNull();
    expect(deed(event(at, 'page_viewed', { url: '•••', title: 'Home' })).object, 'masked').toBe('Home');
  });

  test('names what a profile was told', () => {
    expect(deed(identified({}))).toEqual({ name: 'User identified', object: null });
    expect(deed(identified({ plan: 'pro', seats: 3 })).object).toBe('plan, seats');
    expect(deed(identified({ a: 1, b: 2, c: 3, d: 4, e: 5 })).object).toBe('a, b, c and 2 more');
    expect(deed(identified({}, { leaves_company: true, company_id: 'c-1' }))).toEqual({
      name: 'Left the company',
      object: 'c-1',
    });
  });

  test('shows a type that is not known yet', () => {
    expect(eventTitle('page_left', '')).toBe('Page left');
    expect(eventTitle('track', 'paid')).toBe('paid');
  });
});

describe('a timeline', () => {
  const PRICING = { path: '/pricing' };

  test('puts together what follows each other and says the same', () => {
    const days = timeline(
      [
        event('2026-11-20T12:00:00Z', 'viewed', PRICING),
        event('2026-11-20T11:00:00Z', 'viewed', PRICING),
        event('2026-11-20T10:00:00Z', 'viewed', { path: '/docs' }),
        event('2026-11-20T09:00:00Z', 'viewed', PRICING),
      ],
      'UTC',
    );
    expect(days.map(({ name }) => name)).toEqual(['20 Nov 2026']);
    expect(days[0]?.groups.map(({ deed: { object }, events }) => [object, events.length])).toEqual([
      ['/pricing', 2],
      ['/docs', 1],
      ['/pricing', 1],
    ]);
  });

  test('never puts two days or two people together', () => {
    const groups = (events: HistoryEvent[], zone: string) =>
      timeline(events, zone).map((day) => day.groups.map((group) => group.events.length));
    const night = [
      event('2026-11-20T23:30:00Z', 'viewed', PRICING),
      event('2026-11-20T22:30:00Z', 'viewed', PRICING),
    ];
    expect(groups(night, 'UTC')).toEqual([[2]]);
    expect(groups(night, 'Europe/Berlin'), 'midnight lies between them there').toEqual([[1], [1]]);
    const at = '2026-11-20T10:00:00Z';
    expect(groups([event(at, 'viewed'), event(at, 'viewed', {}, { user_id: 'u-2' })], 'UTC')).toEqual([
      [1, 1],
    ]);
  });

  test('names its days', () => {
    const now = Date.parse('2026-11-21T00:30:00Z');
    const title = (at: string, zone: string) => {
      const [day] = timeline([event(at, 'viewed')], zone);
      return day && dayTitle(day, now, zone);
    };
    expect(title('2026-11-21T00:10:00Z', 'UTC')).toBe('Today');
    expect(title('2026-11-20T23:10:00Z', 'UTC')).toBe('Yesterday');
    expect(title('2026-11-20T23:10:00Z', 'Europe/Berlin')).toBe('Today');
    expect(title('2026-11-19T10:00:00Z', 'UTC')).toBe('Thursday, 19 Nov 2026');
  });
});

describe('properties', () => {
  test('conflict when JSON would tell their values apart', () => {
    const of = (...types: string[]) => conflicting(types.map((type) => ({ type })));
    expect(of('integer', 'decimal', 'null')).toEqual([]);
    expect(of('text', 'date_text', 'numeric_text')).toEqual([]);
    expect(of('integer', 'numeric_text')).toEqual(['number', 'text']);
  });

  test('the values that series are told apart by can all be read', () => {
    expect([null, '', 'pro', 7, true].map(groupTitle)).toEqual(['not set', '""', 'pro', '7', 'yes']);
  });
});
