/** What arrives: recorded calls, problems, and today's numbers. */
import { queryOptions } from '@tanstack/react-query';
import { api, body, inEnvironment } from './client.ts';
import { ask } from './pending.ts';
import type { CallOutcome, Overview } from './types.ts';

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

export const overviewQuery = (environment: number, timeZone: string) =>
  queryOptions({
    queryKey: ['overview', environment, timeZone],
    queryFn: () =>
      ask<Overview>(
        'GET',
        `/v1/overview?time_zone=${encodeURIComponent(timeZone)}`,
        undefined,
        inEnvironment(environment),
      ),
    refetchInterval: (query) => (query.state.data?.first_call_at === null ? 1_500 : 5_000),
  });
