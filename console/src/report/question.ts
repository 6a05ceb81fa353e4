/** What a report is asked, as the server takes it (docs/REPORTS.md), and which questions a page begins with. */
import type { Level } from '../rule/rule.ts';

export const KINDS = ['trend', 'funnel', 'retention', 'path'] as const;
export type Kind = (typeof KINDS)[number];

export type Scalar = string | number | boolean;
export interface Where {
  name: string;
  /** Whose property it is: the event's when absent; the user's is that of the time of the event. */
  of?: 'user';
  at?: 'event';
  any_of: Scalar[];
}
/** Events by name, by type, or every active one; without any of them nothing was chosen yet. */
export interface Pattern {
  event?: string;
  type?: string;
  active?: true;
  where?: Where[];
}
export interface Span {
  last_days?: number;
  from?: string;
  to?: string;
}
export type Who = { segment: number } | { filter: string };
/** A user's property is the one of now, or with `at` the one at the time of each event. */
export type Breakdown = { user: string; at?: 'event' } | { company: string } | { event: string };
export type Interval = 'hour' | 'day' | 'week' | 'month';
export const WINDOW_UNITS = ['minutes', 'hours', 'days', 'months'] as const;
export type WindowUnit = (typeof WINDOW_UNITS)[number] | 'seconds';
/** 366 days in each unit; a month is 30 of them. */
export const WINDOW_MAX: Record<WindowUnit, number> = {
  seconds: 366 * 86_400,
  minutes: 366 * 1_440,
  hours: 366 * 24,
  days: 366,
  months: 12,
};
export type ConversionWindow = Partial<Record<WindowUnit, number>>;

export const MEASURES = [
  'total',
  'unique_users',
  'unique_companies',
  'per_user',
  'dau',
  'wau',
  'mau',
  'sum',
  'average',
  'min',
  'max',
  'percentile',
] as const;
export type Measure = (typeof MEASURES)[number];
export interface TrendSeries extends Pattern {
  name?: string;
  measure: Measure;
  property?: string;
  percentile?: number;
}
export interface TrendQuestion extends Span {
  /** Whom it counts; users when absent. */
  level?: Level;
  series: TrendSeries[];
  formulas?: { name: string; formula: string }[];
  interval: Interval;
  previous?: boolean;
  breakdown?: Breakdown;
  groups?: number;
  who?: Who;
}
export interface FunnelQuestion extends Span {
  /** Whom it counts; users when absent. */
  level?: Level;
  steps: Pattern[];
  order: 'ordered' | 'strict' | 'any';
  window: ConversionWindow;
  counting: 'users' | 'attempts';
  exclusions?: (Pattern & { after: number; before: number })[];
  breakdown?: Breakdown;
  groups?: number;
  who?: Who;
}
export interface RetentionQuestion extends Span {
  /** Whom it counts; users when absent. */
  level?: Level;
  start: Pattern;
  returning: Pattern;
  intervals?: number;
  each: Interval;
  belong: 'first_time' | 'recurring';
  returned: 'on' | 'on_or_after' | 'unbounded';
  who?: Who;
}
export interface PathQuestion extends Span {
  /** Whom it counts; users when absent. */
  level?: Level;
  anchor: Pattern;
  direction: 'from' | 'to';
  window: ConversionWindow;
  levels: number;
  branches: number;
  who?: Who;
}
export interface Questions {
  trend: TrendQuestion;
  funnel: FunnelQuestion;
  retention: RetentionQuestion;
  path: PathQuestion;
}

export const STEPS_MIN = 2;
/** As many rows of a breakdown as a chart tells apart. */
export const GROUPS = 8;

export const FIRST: Questions = {
  trend: { series: [{ measure: 'total', active: true }], last_days: 30, interval: 'day' },
  funnel: {
    steps: [{}, {}],
    order: 'ordered',
    last_days: 30,
    window: { days: 7 },
    counting: 'users',
  },
  retention: {
    start: { active: true },
    returning: { active: true },
    intervals: 12,
    each: 'week',
    belong: 'first_time',
    returned: 'on',
  },
  path: { anchor: {}, direction: 'from', last_days: 30, window: { days: 1 }, levels: 4, branches: 6 },
};

/** Which keys an address may give, so that a question of a wrong shape breaks no page. */
const SHAPES: { [K in Kind]: Record<string, (value: unknown) => boolean> } = (() => {
  const isObject = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value);
  const isList = (value: unknown) => Array.isArray(value) && value.every(isObject);
  const isText = (value: unknown) => typeof value === 'string';
  const isNumber = (value: unknown) => typeof value === 'number';
  const isFlag = (value: unknown) => typeof value === 'boolean';
  const oneOf = (words: readonly string[]) => (value: unknown) => words.includes(value as string);
  const interval = oneOf(['hour', 'day', 'week', 'month']);
  const common = { last_days: isNumber, from: isText, to: isText, who: isObject };
  const broken = { breakdown: isObject, groups: isNumber };
  const level = oneOf(['user', 'company']);
  return {
    trend: {
      ...common,
      ...broken,
      level,
      series: isList,
      formulas: isList,
      interval,
      previous: isFlag,
    },
    funnel: {
      ...common,
      ...broken,
      level,
      steps: isList,
      order: oneOf(['ordered', 'strict', 'any']),
      window: isObject,
      counting: oneOf(['users', 'attempts']),
      exclusions: isList,
    },
    retention: {
      ...common,
      level,
      start: isObject,
      returning: isObject,
      intervals: isNumber,
      each: interval,
      belong: oneOf(['first_time', 'recurring']),
      returned: oneOf(['on', 'on_or_after', 'unbounded']),
    },
    path: {
      ...common,
      level,
      anchor: isObject,
      direction: oneOf(['from', 'to']),
      window: isObject,
      levels: isNumber,
      branches: isNumber,
    },
  };
})();

/** The question that an address or a saved report gives; what is missing or of another shape is as at the beginning. */
export function readQuestion<K extends Kind>(kind: K, given: unknown): Questions[K] {
  if (typeof given !== 'object' || given === null) return FIRST[kind];
  const shape = SHAPES[kind];
  const taken = Object.entries(given).filter(([key, value]) => shape[key]?.(value));
  const question = { ...FIRST[kind], ...Object.fromEntries(taken) };
  // One span, not two.
  const has = (key: string) => taken.some(([name]) => name === key);
  if (has('from') || has('to')) delete question.last_days;
  if (kind === 'retention' && ['from', 'to', 'last_days'].some(has)) {
    delete (question as RetentionQuestion).intervals;
  }
  return question as Questions[K];
}

/** Whom a question counts. */
export function levelOf(question: object): Level {
  return 'level' in question && question.level === 'company' ? 'company' : 'user';
}

/** The same condition about a property of the event, or of its user as they were then. */
export function whereOf(where: Where, owner: 'event' | 'user'): Where {
  const { of: _of, at: _at, ...rest } = where;
  return owner === 'user' ? { ...rest, of: 'user', at: 'event' } : rest;
}

/** The same breakdown by a user's value of now, or by the one at the time of each event; others have no such choice. */
export function breakdownAt(breakdown: Breakdown, at: 'event' | undefined): Breakdown {
  if (!('user' in breakdown)) return breakdown;
  return at === 'event' ? { user: breakdown.user, at } : { user: breakdown.user };
}

/** As a list of properties names it, `user:plan`, and back; which value of a user's is meant stays what it was. */
export function breakdownValue(breakdown: Breakdown | undefined): string | undefined {
  if (breakdown === undefined) return undefined;
  if ('user' in breakdown) return `user:${breakdown.user}`;
  return 'company' in breakdown ? `company:${breakdown.company}` : `event:${breakdown.event}`;
}
export function breakdownOf(value: string | undefined, before?: Breakdown): Breakdown | undefined {
  const [, owner, name = ''] = /^(user|company|event):(.+)$/s.exec(value ?? '') ?? [];
  if (owner === 'user') {
    return breakdownAt({ user: name }, before !== undefined && 'user' in before ? before.at : undefined);
  }
  if (owner === 'company') return { company: name };
  return owner === 'event' ? { event: name } : undefined;
}

/** Says which events, and of each of its filters what passes. */
export function isChosen({ event, type, active, where = [] }: Pattern): boolean {
  const isFinished = ({ name, any_of }: Where) => name !== '' && any_of.length > 0;
  return Boolean(event || type || active) && where.every(isFinished);
}

const NEEDS_PROPERTY: Measure[] = ['sum', 'average', 'min', 'max', 'percentile'];
export const needsProperty = (measure: Measure) => NEEDS_PROPERTY.includes(measure);
export const isTrailing = (measure: Measure) => ['dau', 'wau', 'mau'].includes(measure);

const hasWindow = (window: ConversionWindow) => Object.values(window).some((value) => (value ?? 0) > 0);
const hasSpan = ({ last_days, from, to }: Span) =>
  (last_days ?? 0) > 0 || (from !== undefined && from !== '' && to !== undefined && to !== '');
const hasWho = (who: Who | undefined) => who === undefined || 'segment' in who || who.filter !== '';

/** Nothing is missing: the server can be asked. */
export function isComplete<K extends Kind>(kind: K, question: Questions[K]): boolean {
  if (!hasWho(question.who)) return false;
  switch (kind) {
    case 'trend': {
      const { series, formulas = [], ...rest } = question as TrendQuestion;
      const isDone = (one: TrendSeries) =>
        isChosen(one) && (!needsProperty(one.measure) || Boolean(one.property));
      return (
        hasSpan(rest) &&
        series.length > 0 &&
        series.every(isDone) &&
        formulas.every(({ formula }) => formula.trim() !== '')
      );
    }
    case 'funnel': {
      const { steps, exclusions = [], window, ...rest } = question as FunnelQuestion;
      return (
        hasSpan(rest) &&
        hasWindow(window) &&
        steps.length >= STEPS_MIN &&
        steps.every(isChosen) &&
        exclusions.every(isChosen)
      );
    }
    case 'retention': {
      const { start, returning, intervals, ...rest } = question as RetentionQuestion;
      return isChosen(start) && isChosen(returning) && ((intervals ?? 0) > 0 || hasSpan(rest));
    }
    case 'path': {
      const { anchor, window, ...rest } = question as PathQuestion;
      return isChosen(anchor) && hasWindow(window) && hasSpan(rest);
    }
  }
  return false;
}

/** A series is called by a letter in formulas, unless somebody gave it a name. */
export function letter(index: number): string {
  return String.fromCharCode(65 + index);
}

/** The question as it is sent: series by their letters, and no more groups than a chart tells apart. */
export function sent<K extends Kind>(kind: K, question: Questions[K]): Questions[K] {
  const broken = 'breakdown' in question && question.breakdown !== undefined ? { groups: GROUPS } : {};
  if (kind !== 'trend') return { ...question, ...broken };
  const { series, ...rest } = question as TrendQuestion;
  const named = series.map((one, index) => ({ ...one, name: one.name || letter(index) }));
  return { ...rest, series: named, ...broken } as Questions[K];
}

/**
 * The values that a text may have been sent as: `12` is a string in one product and a number in another, and here both are
 * meant.
 */
export function valuesOf(texts: readonly string[]): Scalar[] {
  return texts.flatMap((text): Scalar[] => {
    try {
      const read: unknown = JSON.parse(text);
      const isOther = typeof read === 'number' || typeof read === 'boolean';
      return isOther && String(read) === text ? [text, read] : [text];
    } catch {
      return [text];
    }
  });
}
export function textsOf(values: readonly Scalar[]): string[] {
  return [...new Set(values.map(String))];
}
