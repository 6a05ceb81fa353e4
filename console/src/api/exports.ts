/** Exports: files of rows that the server writes, how far they are, and the links to them. */
import { queryOptions } from '@tanstack/react-query';
import { api, body, inEnvironment } from './client.ts';
import type { components } from './schema';

type Schemas = components['schemas'];
export type ExportListed = Schemas['ExportListed'];
export type Export = Schemas['Export'];
export type ExportKind = 'events' | 'users' | 'companies';
export type ExportFormat = 'ndjson' | 'csv' | 'parquet' | 'avro';

export interface ExportRequest {
  type: ExportKind;
  format: ExportFormat;
  from?: string;
  to?: string;
  event_type?: string[];
  segment_id?: string;
}

/** How often exports are read anew while one is under way, and otherwise. */
const LIVE_MS = 700;
const CALM_MS = 5_000;

export const isUnderWay = ({ status }: Pick<ExportListed, 'status'>) =>
  status !== 'completed' && status !== 'failed';

export const exportsQuery = (environment: number) =>
  queryOptions({
    queryKey: ['exports', environment],
    queryFn: async () =>
      body(await api.GET('/api/v1/analytics/exports/jobs', { headers: inEnvironment(environment) })),
    refetchInterval: (query) => (query.state.data?.some(isUnderWay) ? LIVE_MS : CALM_MS),
  });

export const exportQuery = (environment: number, id: string) =>
  queryOptions({
    queryKey: ['export', environment, id],
    queryFn: async () =>
      body(
        await api.GET('/api/v1/analytics/exports/jobs/{id}', {
          params: { path: { id } },
          headers: inEnvironment(environment),
        }),
      ),
    // Links come to their end; those on a page that stays open are made anew in time.
    refetchInterval: (query) =>
      query.state.data === undefined || isUnderWay(query.state.data) ? LIVE_MS : 3_600_000,
  });

/** Starts one; answers with its id. */
export const startExport = async (environment: number, asked: ExportRequest): Promise<string> =>
  body(await api.POST('/api/v1/analytics/exports', { body: asked, headers: inEnvironment(environment) }))
    .job_id;

export const cancelExport = async (environment: number, id: string) =>
  body(
    await api.DELETE('/api/v1/analytics/exports/jobs/{id}', {
      params: { path: { id } },
      headers: inEnvironment(environment),
    }),
  );
