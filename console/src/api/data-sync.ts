/** Data sync: days written to a directory or a bucket, and what became of each. */
import { queryOptions } from '@tanstack/react-query';
import { api, body, inEnvironment } from './client.ts';
import type { ExportFormat } from './exports.ts';
import type { components } from './schema';

type Schemas = components['schemas'];
export type DataSync = Schemas['DataSync'];
export type DataSyncRun = Schemas['DataSyncRun'];

export interface DataSyncChoice {
  enabled: boolean;
  format: ExportFormat;
  hour: number;
  resync_days: number;
}

/** How often runs are read anew while one is under way, and otherwise. */
const LIVE_MS = 700;
const CALM_MS = 5_000;

export const isUnderWay = ({ status }: Pick<DataSyncRun, 'status'>) =>
  status === 'running' || status === 'retrying';

export const dataSyncQuery = (environment: number) =>
  queryOptions({
    queryKey: ['data-sync', environment],
    queryFn: async () => body(await api.GET('/v1/data_sync', { headers: inEnvironment(environment) })),
  });

export const runsQuery = (environment: number) =>
  queryOptions({
    queryKey: ['data-sync-runs', environment],
    queryFn: async () =>
      body(await api.GET('/v1/data_sync/runs', { headers: inEnvironment(environment) })).items,
    refetchInterval: (query) => (query.state.data?.some(isUnderWay) ? LIVE_MS : CALM_MS),
  });

/** Chooses, unless somebody else did since `version`. */
export const chooseDataSync = async (environment: number, version: number, choice: DataSyncChoice) =>
  body(
    await api.PUT('/v1/data_sync', {
      params: { header: { 'If-Match': `"${version}"` } },
      body: choice,
      headers: inEnvironment(environment),
    }),
  );

/** Has days written that are over. */
export const writeDays = async (environment: number, days: { from: string; to: string }) =>
  body(await api.POST('/v1/data_sync/runs', { body: days, headers: inEnvironment(environment) }));
