/** What the server answers to a report, and the numbers of it that people stand behind. */

import type { components } from '../api/schema';

type Schemas = components['schemas'];
export type Values = Schemas['TrendRow'];
export type TrendAnswer = Schemas['TrendAnswer'];
export type Steps = Schemas['FunnelRow'];
export type FunnelAnswer = Schemas['FunnelAnswer'];
export type RetentionAnswer = Schemas['RetentionAnswer'];
export type Branch = Schemas['PathBranch'];
export type PathAnswer = Schemas['PathAnswer'];
export type Behind = Schemas['ReportPeople'];
export interface Answers {
  trend: TrendAnswer;
  funnel: FunnelAnswer;
  retention: RetentionAnswer;
  path: PathAnswer;
}

export type Row = 'all' | 'other' | { group: unknown };
export interface FunnelNumber {
  step: number;
  /** Those who came no further. */
  stayed: boolean;
  row: Row;
}
export interface TrendNumber {
  series: number;
  /** Of all intervals together when absent. */
  interval?: number;
  row: Row;
}
export interface RetentionNumber {
  cohort: number;
  /** Everybody in the cohort when absent. */
  period?: number;
}
export interface PathNumber {
  level: number;
  branch: number;
}
export interface Numbers {
  trend: TrendNumber;
  funnel: FunnelNumber;
  retention: RetentionNumber;
  path: PathNumber;
}
const isIndex = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;
function rowOf(value: unknown): Row {
  if (value === 'other') return 'other';
  if (typeof value === 'object' && value !== null && 'group' in value) return { group: value.group };
  return 'all';
}

/** The number that an address gives; nothing when it is of another shape. */
export function readNumber(kind: keyof Numbers, given: unknown): Numbers[keyof Numbers] | undefined {
  if (typeof given !== 'object' || given === null) return undefined;
  const { step, stayed, row, series, interval, cohort, period, level, branch } = given as Record<
    string,
    unknown
  >;
  switch (kind) {
    case 'funnel':
      return isIndex(step) ? { step, stayed: stayed === true, row: rowOf(row) } : undefined;
    case 'trend':
      if (!isIndex(series)) return undefined;
      return { series, ...(isIndex(interval) ? { interval } : {}), row: rowOf(row) };
    case 'retention':
      return isIndex(cohort) ? { cohort, ...(isIndex(period) ? { period } : {}) } : undefined;
    case 'path':
      return isIndex(level) && isIndex(branch) ? { level, branch } : undefined;
  }
}
