/** The lines of a trend, in the order in which a chart, its legend and its table show them. */
import type { Row, TrendAnswer, Values } from './answer.ts';
import { groupName } from './numbers.ts';
import { letter, type TrendQuestion } from './question.ts';
import { seriesName } from './words.ts';

export interface TrendLine extends Values {
  name: string;
  /** Whose people can be shown; a formula has none. */
  behind: { series: number; row: Row } | null;
  /** The same some time before: drawn weaker, and not in the legend. */
  isPrevious: boolean;
  /** Lines of one colour. */
  color: number;
}

export function trendLines(question: TrendQuestion, answer: TrendAnswer): TrendLine[] {
  const lines: TrendLine[] = [];
  const colors = { next: 0 };
  const add = (name: string, values: Values, behind: TrendLine['behind'], isPrevious = false) => {
    lines.push({ ...values, name, behind, isPrevious, color: isPrevious ? colors.next - 1 : colors.next++ });
  };
  answer.series.forEach((series, index) => {
    if (question.breakdown !== undefined) {
      const prefix = answer.series.length > 1 ? `${letter(index)} · ` : '';
      for (const group of series.groups) {
        add(prefix + groupName(group.value), group, { series: index, row: { group: group.value } });
      }
      if (series.other) add(`${prefix}all others`, series.other, { series: index, row: 'other' });
      return;
    }
    const name = seriesName(question, index);
    add(name, series.total, { series: index, row: 'all' });
    if (series.previous) add(`${name}, before`, series.previous, null, true);
  });
  for (const formula of answer.formulas ?? []) add(formula.name, formula, null);
  return lines;
}

const HOUR = 3_600_000;
const LONGEST = { hour: HOUR, day: 25 * HOUR, week: 169 * HOUR, month: 745 * HOUR };

/** Whether the last interval still goes on: a day of a change of the clock may have 25 hours. */
export function isLastOpen(
  starts: readonly string[],
  interval: TrendQuestion['interval'],
  now: number,
): boolean {
  const last = starts.at(-1);
  return last !== undefined && Date.parse(last) <= now && Date.parse(last) + LONGEST[interval] > now;
}
