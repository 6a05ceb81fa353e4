/** Users and companies. */
import { infiniteQueryOptions, keepPreviousData, queryOptions } from '@tanstack/react-query';
import { api, body, inEnvironment } from './client.ts';
import type { Company, User } from './types.ts';

/** Rows asked for at once: a screen has some 30, so scrolling meets a boundary every few screens. */
export const PAGE_ROWS = 200;
/** More rows than anybody reads; beyond them the table asks for a narrower search. */
export const ROWS_MAX = 100_000;

interface Page<Row> {
  data: Row[];
  next_cursor: string | null;
}

/**
 * What all lists share. Rows of pages that were read stay as they are until the list is asked for anew: to read a
 * thousand pages again because a window got the focus helps nobody.
 */
function pages<Row>(key: readonly unknown[], read: (cursor: string | undefined) => Promise<Page<Row>>) {
  return infiniteQueryOptions({
    queryKey: key,
    queryFn: ({ pageParam }) => read(pageParam),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last: Page<Row>, all: Page<Row>[]) =>
      all.length * PAGE_ROWS >= ROWS_MAX ? undefined : (last.next_cursor ?? undefined),
    placeholderData: keepPreviousData,
    structuralSharing: false,
    staleTime: 10_000,
    refetchOnWindowFocus: false,
    refetchOnReconnect: false,
    refetchOnMount: (query) => (query.state.data?.pages.length ?? 0) <= 3,
  });
}

/** `filter` is the text form of a rule. */
export const usersQuery = (environment: number, search: string, filter?: string) =>
  pages<User>(['users', environment, search, filter], async (cursor) =>
    body(
      await api.GET('/v1/users', {
        params: { query: { q: search || undefined, filter, cursor, limit: PAGE_ROWS } },
        headers: inEnvironment(environment),
      }),
    ),
  );

export const usersOfCompanyQuery = (environment: number, company: string, search: string) =>
  pages<User>(['users-of', environment, company, search], async (cursor) =>
    body(
      await api.GET('/v1/companies/{id}/users', {
        params: { path: { id: company }, query: { q: search || undefined, cursor, limit: PAGE_ROWS } },
        headers: inEnvironment(environment),
      }),
    ),
  );

export const companiesQuery = (environment: number, search: string, filter?: string) =>
  pages<Company>(['companies', environment, search, filter], async (cursor) =>
    body(
      await api.GET('/v1/companies', {
        params: { query: { q: search || undefined, filter, cursor, limit: PAGE_ROWS } },
        headers: inEnvironment(environment),
      }),
    ),
  );

export const userQuery = (environment: number, id: string) =>
  queryOptions({
    queryKey: ['user', environment, id],
    queryFn: async () =>
      body(
        await api.GET('/v1/users/{id}', {
          params: { path: { id }, query: { detail: true } },
          headers: inEnvironment(environment),
        }),
      ),
  });

export const companyQuery = (environment: number, id: string, detail = true) =>
  queryOptions({
    queryKey: ['company', environment, id, detail],
    queryFn: async () =>
      body(
        await api.GET('/v1/companies/{id}', {
          params: { path: { id }, query: { detail } },
          headers: inEnvironment(environment),
        }),
      ),
  });

/** The few best hits for the palette. */
export const foundQuery = (environment: number, search: string) =>
  queryOptions({
    queryKey: ['found', environment, search],
    enabled: search.trim() !== '',
    placeholderData: keepPreviousData,
    staleTime: 10_000,
    queryFn: async () => {
      const options = { params: { query: { q: search, limit: 6 } }, headers: inEnvironment(environment) };
      const [users, companies] = await Promise.all([
        api.GET('/v1/users', options),
        api.GET('/v1/companies', options),
      ]);
      return { users: body(users).data, companies: body(companies).data };
    },
  });
