/** Exports in words. */
import type { Export, ExportFormat, ExportKind, ExportListed } from '../api/exports.ts';
import { countOf } from './number.ts';

export const KINDS: readonly (readonly [ExportKind, string])[] = [
  ['events', 'Events'],
  ['users', 'Users'],
  ['companies', 'Companies'],
];

export const FORMATS: readonly (readonly [ExportFormat, string])[] = [
  ['ndjson', 'NDJSON'],
  ['csv', 'CSV'],
  ['parquet', 'Parquet'],
  ['avro', 'Avro'],
];

/** The kinds of events of the contract, and how people call them. */
export const EVENT_TYPES: readonly (readonly [string, string])[] = [
  ['identify_user', 'Users identified'],
  ['identify_company', 'Companies identified'],
  ['track', 'Tracked events'],
  ['page_view', 'Page views'],
  ['session_start', 'Sessions begun'],
  ['interaction', 'Content interactions'],
  ['track_feature', 'Feature tags'],
];

const titled = (pairs: readonly (readonly [string, string])[], word: string) =>
  pairs.find(([each]) => each === word)?.[1] ?? word;

/** What an export is called: `Events as CSV`. */
export const exportName = ({ type, format }: Pick<ExportListed, 'type' | 'format'>) =>
  `${titled(KINDS, type)} as ${titled(FORMATS, format)}`;

const STATES: Record<string, string> = {
  queued: 'Waiting',
  processing: 'Being written',
  completed: 'Ready',
  failed: 'Failed',
};

export function exportState({ status }: Pick<ExportListed, 'status'>): string {
  return STATES[status] ?? status;
}

export function exportTone({ status }: Pick<ExportListed, 'status'>): 'good' | 'bad' | 'muted' {
  return status === 'completed' ? 'good' : status === 'failed' ? 'bad' : 'muted';
}

/** How much of it is done, from 0 to 1. */
export const exportShare = ({ progress }: Pick<ExportListed, 'progress'>) =>
  Math.min(Math.max(Number(progress) / 100 || 0, 0), 1);

const day = (instant: string) => instant.slice(0, 10);

/** What was asked for, in words: `from 2026-10-01, tracked events, of segment 3`. */
export function filterWords(filter: Export['filter'], segment?: string): string {
  const parts = [
    filter.from && `from ${day(filter.from)}`,
    filter.until && `before ${day(filter.until)}`,
    filter.event_type.length > 0 &&
      filter.event_type.map((type) => titled(EVENT_TYPES, type).toLowerCase()).join(', '),
    filter.users > 0 && `of ${countOf(filter.users, 'user')}`,
    filter.companies > 0 && `of ${countOf(filter.companies, 'company', 'companies')}`,
    filter.segment_id !== null && `of the segment ${segment ?? filter.segment_id}`,
  ];
  return parts.filter(Boolean).join(', ') || 'everything';
}
