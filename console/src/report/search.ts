/** What the addresses of the pages about reports say. */
import { KINDS, type Kind } from './question.ts';

type Given = Record<string, unknown>;
const number = (value: unknown): number | undefined => {
  const read = Number(value);
  return value !== '' && value !== null && Number.isSafeInteger(read) ? read : undefined;
};
const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : typeof value === 'number' ? String(value) : undefined;
const object = (value: unknown): object | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;

export interface ReportSearch {
  /** The saved report that is looked at. */
  report?: number;
  /** What is asked, where it is not what was saved. */
  question?: object;
  /** The number whose people are shown. */
  number?: object;
}
export const reportSearch = (search: Given): ReportSearch => ({
  report: number(search.report),
  question: object(search.question),
  number: object(search.number),
});

export interface ReportsSearch {
  q?: string;
  row?: string;
}
export const reportsSearch = (search: Given): ReportsSearch => ({ q: text(search.q), row: text(search.row) });

export function kindOf(value: string): Kind | undefined {
  return KINDS.find((kind) => kind === value);
}
