/** What arrives: recorded calls, problems, and today's numbers. */
import { queryOptions } from '@tanstack/react-query';
import { api, body, inEnvironment } from './client.ts';
import type { CallOutcome } from './types.ts';

/** What of the recorded calls is asked for. */
export interface CallFilter {
  status?: CallOutcome;
  key?: number;
  path?: string;
  subject?: string;
  event?: string;
}

export const readCalls = async (environment: number, filter: CallFilter, limit: number) =>
  body(
    await api.GET('/v1/environments/{id}/calls', {
      params: { path: { id: environment }, query: { ...filter, limit } },
    }),
  );

export const callsQuery = (environment: number, filter: CallFilter, limit: number) =>
  queryOptions({
    queryKey: ['calls', environment, filter, limit],
    queryFn: () => readCalls(environment, filter, limit),
    refetchInterval: 5_000,
  });

export const callQuery = (environment: number, sequence: number) =>
  queryOptions({
    queryKey: ['call', environment, sequence],
    queryFn: async () =>
      body(
        await api.GET('/v1/environments/{id}/calls/{sequence}', {
          params: { path: { id: environment, sequence } },
        }),
      ),
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
  });

/** Where the stream of calls is; it begins after the call `after`, when one is named. */
export function liveAddress(environment: number, filter: CallFilter, after?: number): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries({ ...filter, after })) {
    if (value !== undefined && value !== '') query.set(name, String(value));
  }
  return `/v1/environments/${environment}/live?${query}`;
}

export const problemsQuery = (environment: number) =>
  queryOptions({
    queryKey: ['problems', environment],
    queryFn: async () =>
      body(await api.GET('/v1/environments/{id}/problems', { params: { path: { id: environment } } })),
    refetchInterval: 5_000,
  });

/** How often today's numbers are read anew; before the first call more often, because somebody waits for it. */
const OVERVIEW_MS = 5_000;
const FIRST_CALL_MS = 1_500;

export const overviewQuery = (environment: number, timeZone: string) =>
  queryOptions({
    queryKey: ['overview', environment, timeZone],
    queryFn: async () =>
      body(
        await api.GET('/v1/overview', {
          params: { query: { time_zone: timeZone } },
          headers: inEnvironment(environment),
        }),
      ),
    refetchInterval: (query) => (query.state.data?.first_call_at === null ? FIRST_CALL_MS : OVERVIEW_MS),
  });
