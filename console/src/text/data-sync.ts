/** Data sync in words. */
import type { DataSyncRun } from '../api/data-sync.ts';
import { count, countOf } from './number.ts';

/** The days of a run: `2026-01-05`, `2026-01-05 to 2026-01-31`. */
export const runDays = ({ from, to }: Pick<DataSyncRun, 'from' | 'to'>) =>
  from === to ? from : `${from} to ${to}`;

const REASONS: Record<string, string> = {
  schedule: 'by schedule',
  resync: 'once a week',
  backfill: 'asked for',
};

export const runReason = ({ reason }: Pick<DataSyncRun, 'reason'>) => REASONS[reason] ?? reason;

const STATES: Record<string, string> = {
  running: 'Being written',
  retrying: 'Failed, is tried again',
  completed: 'Written',
  cancelled: 'Cancelled',
};

export const runState = ({ status }: Pick<DataSyncRun, 'status'>) => STATES[status] ?? status;

const TONES: Record<string, 'good' | 'bad' | 'muted'> = { completed: 'good', retrying: 'bad' };

export const runTone = ({ status }: Pick<DataSyncRun, 'status'>) => TONES[status] ?? 'muted';

type Figures = Pick<DataSyncRun, 'rows' | 'files' | 'days_left' | 'next' | 'status'>;

/** What a run wrote: `1,204 rows in 5 files`. */
export function runFigures({ rows, files, days_left, next, status }: Figures): string {
  const isOpen = status === 'running' || status === 'retrying';
  const left = `${countOf(days_left, 'day')} left as ${days_left === 1 ? 'it stands' : 'they stand'}, for their events were dropped`;
  return [
    `${countOf(rows, 'row')} in ${countOf(files, 'file')}`,
    isOpen && next !== null && `next is ${next}`,
    days_left > 0 && left,
  ]
    .filter(Boolean)
    .join(', ');
}

/** An hour of UTC: `03:00 UTC`. */
export const hourWords = (hour: number) => `${String(hour).padStart(2, '0')}:00 UTC`;

/** What is chosen, for those who may not change it. */
export function choiceWords(choice: { enabled: boolean; hour: number; resync_days: number }): string {
  if (!choice.enabled) return 'Days are written when somebody asks for them.';
  const anew =
    choice.resync_days > 0
      ? ` Once a week the last ${count(choice.resync_days)} are written anew.`
      : ' None is written anew by itself.';
  return `Each day is written once it is over, from ${hourWords(choice.hour)} on.${anew}`;
}
