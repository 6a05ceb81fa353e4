/** Erasures: who is to be forgotten, how far that is, and the proof. */
import { infiniteQueryOptions, keepPreviousData, queryOptions } from '@tanstack/react-query';
import { api, body, inEnvironment } from './client.ts';
import type { Erasure, WouldErase } from './types.ts';

/** How often erasures are read anew while one is under way, and otherwise. */
const LIVE_MS = 700;
const CALM_MS = 5_000;
/** Erasures asked for at once. */
const PAGE_ERASURES = 100;

export type ErasedKind = 'users' | 'companies';

const isUnderWay = (erasure: Erasure) =>
  erasure.certificate === null && Date.parse(erasure.due_at) <= Date.now();

export const erasuresQuery = (environment: number) =>
  infiniteQueryOptions({
    queryKey: ['erasures', environment],
    queryFn: async ({ pageParam }) =>
      body(
        await api.GET('/v1/erasures', {
          params: { query: { limit: PAGE_ERASURES, cursor: pageParam } },
          headers: inEnvironment(environment),
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next_cursor ?? undefined,
    placeholderData: keepPreviousData,
    refetchInterval: (query) => (query.state.data?.pages[0]?.data.some(isUnderWay) ? LIVE_MS : CALM_MS),
  });

export const erasureQuery = (environment: number, id: string) =>
  queryOptions({
    queryKey: ['erasure', environment, id],
    queryFn: async () =>
      body(
        await api.GET('/v1/erasures/{id}', {
          params: { path: { id } },
          headers: inEnvironment(environment),
        }),
      ),
    refetchInterval: ({ state: { data } }) => {
      if (data === undefined || isUnderWay(data)) return LIVE_MS;
      return data.certificate === null ? CALM_MS : false;
    },
  });

async function ask(environment: number, kind: ErasedKind, id: string, suppress: boolean, dryRun: boolean) {
  const options = { params: { query: { dry_run: dryRun } }, headers: inEnvironment(environment) };
  return kind === 'users'
    ? body(await api.DELETE('/v1/users', { ...options, body: { users: [id], suppress } }))
    : body(await api.DELETE('/v1/companies', { ...options, body: { companies: [id], suppress } }));
}

/** What the erasure of an id would take away; nothing is changed. */
export const wouldEraseQuery = (environment: number, kind: ErasedKind, id: string) =>
  queryOptions({
    queryKey: ['would-erase', environment, kind, id],
    queryFn: async () => (await ask(environment, kind, id, false, true)).would as WouldErase,
    // It reads the whole log: once for each time that somebody asks.
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
    retry: false,
  });

/** Erases; answers with the erasure's id. */
export async function erase(
  environment: number,
  kind: ErasedKind,
  id: string,
  suppress: boolean,
): Promise<string> {
  return (await ask(environment, kind, id, suppress, false)).job_id ?? '';
}
