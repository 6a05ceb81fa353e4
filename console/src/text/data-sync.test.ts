import { expect, test } from 'vitest';
import { choiceWords, runDays, runFigures, runReason, runState, runTone } from './data-sync.ts';

test('a run is named by its days and why it runs', () => {
  expect(runDays({ from: '2026-01-05', to: '2026-01-05' })).toBe('2026-01-05');
  expect(runDays({ from: '2026-01-05', to: '2026-01-31' })).toBe('2026-01-05 to 2026-01-31');
  expect([runReason({ reason: 'resync' }), runReason({ reason: 'new one' })]).toEqual([
    'once a week',
    'new one',
  ]);
  expect([runState({ status: 'retrying' }), runTone({ status: 'retrying' })]).toEqual([
    'Failed, is tried again',
    'bad',
  ]);
});

test('figures say what is written, what is next and what was left', () => {
  const run = { rows: 1204, files: 5, days_left: 0, next: null, status: 'completed' };
  expect(runFigures(run)).toBe('1,204 rows in 5 files');
  expect(runFigures({ ...run, next: '2026-01-07', status: 'running' })).toBe(
    '1,204 rows in 5 files, next is 2026-01-07',
  );
  expect(runFigures({ ...run, days_left: 2 })).toContain('2 days left as they stand');
});

test('a choice reads as a sentence', () => {
  const choice = { enabled: true, hour: 3, resync_days: 30 };
  expect(choiceWords(choice)).toBe(
    'Each day is written once it is over, from 03:00 UTC on. Once a week the last 30 are written anew.',
  );
  expect(choiceWords({ ...choice, resync_days: 0 })).toContain('None is written anew');
  expect(choiceWords({ ...choice, enabled: false })).toBe('Days are written when somebody asks for them.');
});
