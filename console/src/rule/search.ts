/** What the addresses of the pages about segments say. */
import { type AsOfSearch, asOfSearch } from '../history-search.ts';
import type { Level } from './rule.ts';

type Given = Record<string, unknown>;
const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : typeof value === 'number' ? String(value) : undefined;
const levelOf = (value: unknown): Level | undefined =>
  value === 'company' || value === 'user' ? value : undefined;

export interface SegmentSearch extends AsOfSearch {
  sort?: 'id';
  /** Names of properties with commas between them; the usual ones when absent. */
  columns?: string;
  row?: string;
  /** Whose membership is explained. */
  explain?: string;
}
export const segmentSearch = (search: Given): SegmentSearch => ({
  sort: search.sort === 'id' ? 'id' : undefined,
  columns: search.columns === '' ? '' : text(search.columns),
  row: text(search.row),
  explain: text(search.explain),
  ...asOfSearch(search),
});

export interface NewSegmentSearch {
  level?: Level;
  /** The text form of the rule to begin with. */
  filter?: string;
}
export const newSegmentSearch = (search: Given): NewSegmentSearch => ({
  level: levelOf(search.level),
  filter: text(search.filter),
});

export interface FilterSearch {
  /** Who is shown, as the text form of a rule. */
  filter?: string;
}
export const filterSearch = (search: Given): FilterSearch => ({ filter: text(search.filter) });
