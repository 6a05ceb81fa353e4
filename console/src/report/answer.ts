/** What the server answers to a report, and the numbers of it that people stand behind. */

export interface Values {
  values: (number | null)[];
  whole: number | null;
}
export interface TrendAnswer {
  interval: string;
  zone: string;
  starts: string[];
  previous_starts?: string[] | null;
  series: {
    name: string;
    total: Values;
    previous?: Values | null;
    groups: (Values & { value: unknown })[];
    other?: Values | null;
    groups_left_out: number;
  }[];
  formulas: (Values & { name: string })[];
  /** The state that it is of; null when that is too large to be kept. */
  snapshot: string | null;
}
export interface Step {
  count: number;
  time?: { mean_seconds: number; median_seconds: number; p90_seconds: number } | null;
}
export interface Steps {
  steps: Step[];
}
export interface FunnelAnswer {
  total: Steps;
  groups: (Steps & { value: unknown })[];
  other?: Steps | null;
  groups_left_out: number;
  /** The state that it is of; null when that is too large to be kept. */
  snapshot: string | null;
}
export interface RetentionAnswer {
  zone: string;
  starts: string[];
  cohorts: { start: string; size: number; returned: number[] }[];
  curve: { size: number; returned: number }[];
  /** The state that it is of; null when that is too large to be kept. */
  snapshot: string | null;
}
export interface Branch {
  /** Null for all others together. */
  event: string | null;
  type?: string | null;
  users: number;
  ended: number;
  next: number[];
}
export interface PathAnswer {
  levels: Branch[][];
  /** The state that it is of; null when that is too large to be kept. */
  snapshot: string | null;
}
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
export interface Behind {
  total: number;
  items: { id: string; last_seen_at?: string | null }[];
  next_cursor?: string | null;
  /** Null when the state of the answer is no longer kept: then these are of now. */
  snapshot?: string | null;
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
