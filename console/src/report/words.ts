/** Questions and numbers of reports in words. */
import type { Level } from '../rule/rule.ts';
import { intervalName } from '../text/chart.ts';
import { eventTitle } from '../text/history.ts';
import type {
  FunnelNumber,
  Numbers,
  PathAnswer,
  PathNumber,
  RetentionAnswer,
  RetentionNumber,
  Row,
  TrendAnswer,
  TrendNumber,
} from './answer.ts';
import { groupName } from './numbers.ts';
import {
  type FunnelQuestion,
  type Interval,
  type Kind,
  letter,
  levelOf,
  type Measure,
  type Pattern,
  type TrendQuestion,
} from './question.ts';

export const KIND_WORDS: Record<Kind, { title: string; line: string }> = {
  trend: { title: 'Trend', line: 'How a number goes over time.' },
  funnel: { title: 'Funnel', line: 'How many take each step, and where the others stop.' },
  retention: { title: 'Retention', line: 'Who comes back, and after how long.' },
  path: { title: 'Path', line: 'What people do next, or what they did before.' },
};

/** Whom a report counts: of what a number is, and who stands behind it. */
export const COUNTED_WORDS: Record<Level, { one: string; many: string; behind: [string, string] }> = {
  user: { one: 'user', many: 'users', behind: ['person', 'people'] },
  company: { one: 'company', many: 'companies', behind: ['company', 'companies'] },
};

const MEASURE_WORDS: Record<Measure, string> = {
  total: 'times',
  unique_users: 'different users',
  unique_companies: 'different companies',
  per_user: 'times per user',
  dau: 'daily active users',
  wau: 'weekly active users',
  mau: 'monthly active users',
  sum: 'sum of',
  average: 'average of',
  min: 'smallest',
  max: 'largest',
  percentile: 'percentile of',
};

/** What a measure that counts users counts of companies. */
const OF_COMPANIES: Partial<Record<Measure, string>> = {
  unique_users: 'different companies',
  unique_companies: 'different companies that are named',
  per_user: 'times per company',
  dau: 'daily active companies',
  wau: 'weekly active companies',
  mau: 'monthly active companies',
};

export function measureWords(measure: Measure, level: Level): string {
  return (level === 'company' ? OF_COMPANIES[measure] : undefined) ?? MEASURE_WORDS[measure];
}

export function patternName({ event, type, active }: Pattern): string {
  if (active) return 'Any activity';
  if (event || type) return eventTitle(type ?? '', event);
  return 'Choose an event';
}

/** `A · invoice_paid, times`. */
export function seriesName(question: TrendQuestion, index: number): string {
  const series = question.series[index];
  if (series === undefined) return letter(index);
  if (series.name) return series.name;
  const measure = [measureWords(series.measure, levelOf(question)), series.property]
    .filter(Boolean)
    .join(' ');
  const prefix = question.series.length > 1 ? `${letter(index)} · ` : '';
  return `${prefix}${patternName(series)}, ${measure}`;
}

function rowWords(row: Row): string {
  return row === 'all' ? '' : row === 'other' ? ', of all other values' : `, ${groupName(row.group)}`;
}

/** Who stands behind a number of a funnel. */
export function funnelWords(question: FunnelQuestion, { step, stayed, row }: FunnelNumber): string {
  const name = patternName(question.steps[step] ?? {});
  const which = question.order === 'any' ? `${step + 1} of the steps` : `step ${step + 1}, ${name}`;
  return `${stayed ? `came to ${which}, and no further` : `came to ${which}`}${rowWords(row)}`;
}

export function trendWords(
  question: TrendQuestion,
  answer: TrendAnswer | undefined,
  { series, interval, row }: TrendNumber,
): string {
  const start = interval === undefined ? undefined : answer?.starts[interval];
  const when =
    start === undefined ? '' : `, ${intervalName(Date.parse(start), question.interval, answer?.zone)}`;
  return `${seriesName(question, series)}${rowWords(row)}${when}`;
}

const PERIODS: Record<Interval, string> = { hour: 'hour', day: 'day', week: 'week', month: 'month' };

export function retentionWords(
  each: Interval,
  answer: RetentionAnswer | undefined,
  { cohort, period }: RetentionNumber,
): string {
  const start = answer?.cohorts[cohort]?.start;
  const name =
    start === undefined ? `cohort ${cohort + 1}` : intervalName(Date.parse(start), each, answer?.zone);
  return period === undefined
    ? `began in: ${name}`
    : `began in: ${name}, came back in ${PERIODS[each]} ${period}`;
}

/** A branch of a path: its event, or all others together. */
export function branchName(branch: { event: string | null; type?: string | null } | undefined): string {
  if (branch === undefined) return '';
  if (branch.event === null && !branch.type) return 'All others';
  return eventTitle(branch.type ?? '', branch.event);
}

export function pathWords(answer: PathAnswer | undefined, { level, branch }: PathNumber): string {
  return `${branchName(answer?.levels[level]?.[branch])} as step ${level + 1}`;
}

/** A number of any report, in words. */
export function numberWords<K extends Kind>(
  kind: K,
  question: unknown,
  answer: unknown,
  number: Numbers[K],
): string {
  switch (kind) {
    case 'funnel':
      return funnelWords(question as FunnelQuestion, number as FunnelNumber);
    case 'trend':
      return trendWords(question as TrendQuestion, answer as TrendAnswer | undefined, number as TrendNumber);
    case 'retention': {
      const { each } = question as { each: Interval };
      return retentionWords(each, answer as RetentionAnswer | undefined, number as RetentionNumber);
    }
    case 'path':
      return pathWords(answer as PathAnswer | undefined, number as PathNumber);
  }
  return '';
}
