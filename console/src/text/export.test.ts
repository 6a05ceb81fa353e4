import { expect, test } from 'vitest';
import type { Export } from '../api/exports.ts';
import { exportName, exportShare, filterWords } from './export.ts';

const filter = (change: Partial<Export['filter']>): Export['filter'] => ({
  from: null,
  until: null,
  event_type: [],
  users: 0,
  companies: 0,
  segment_id: null,
  ...change,
});

test('an export is called by its rows and its format', () => {
  expect(exportName({ type: 'events', format: 'ndjson' })).toBe('Events as NDJSON');
  expect(exportName({ type: 'companies', format: 'avro' })).toBe('Companies as Avro');
});

test('a share is one, whatever the server says', () => {
  expect([
    exportShare({ progress: '42' }),
    exportShare({ progress: '' }),
    exportShare({ progress: '120' }),
  ]).toEqual([0.42, 0, 1]);
});

test('a filter reads as a sentence', () => {
  expect(filterWords(filter({}))).toBe('everything');
  const some = filter({
    from: '2026-10-01T00:00:00.000000Z',
    until: '2026-11-01T00:00:00.000000Z',
    event_type: ['track', 'page_view'],
    users: 1,
    segment_id: 3,
  });
  expect(filterWords(some)).toBe(
    'from 2026-10-01, before 2026-11-01, tracked events, page views, of 1 user, of the segment 3',
  );
  expect(filterWords(filter({ segment_id: 3 }), 'Payers')).toBe('of the segment Payers');
});
