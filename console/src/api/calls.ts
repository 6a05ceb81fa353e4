/** What arrives: recorded calls, problems, and today's numbers. */
import { queryOptions } from '@tanstack/react-query';
import { inEnvironment } from './client.ts';
import { ask } from './pending.ts';
import type { Call, GroupedProblem, Overview } from './types.ts';

/** What of the recorded calls is asked for. */
export interface CallFilter {
  status?: 'stored' | 'duplicate' | 'refused' | 'read';
  key?: number;
  path?: string;
  subject?: string;
  event?: string;
}

export function filterQuery(filter: CallFilter): URLSearchParams {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(filter)) {
    if (value !== undefined && value !== '') query.set(name, String(value));
  }
  return query;
}

export interface CallPage {
  data: Call[];
  skipped: number;
  next_cursor: string | null;
}

export async function readCalls(environment: number, filter: CallFilter, limit: number): Promise<CallPage> {
  const query = filterQuery(filter);
  query.set('limit', String(limit));
  return ask<CallPage>('GET', `/v1/environments/${environment}/calls?${query}`);
}

export const callsQuery = (environment: number, filter: CallFilter, limit: number) =>
  queryOptions({
    queryKey: ['calls', environment, filter, limit],
    queryFn: () => readCalls(environment, filter, limit),
    refetchInterval: 5_000,
  });

export const callQuery = (environment: number, sequence: number) =>
  queryOptions({
    queryKey: ['call', environment, sequence],
    queryFn: () => ask<Call>('GET', `/v1/environments/${environment}/calls/${sequence}`),
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
  });

export function liveAddress(environment: number, filter: CallFilter): string {
  return `/v1/environments/${environment}/live?${filterQuery(filter)}`;
}

export const problemsQuery = (environment: number) =>
  queryOptions({
    queryKey: ['problems', environment],
    queryFn: () => ask<{ data: GroupedProblem[] }>('GET', `/v1/environments/${environment}/problems`),
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
