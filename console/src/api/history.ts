/** Events: of somebody, of everybody, counted, and what they bring. */
import { infiniteQueryOptions, keepPreviousData, queryOptions } from '@tanstack/react-query';
import type { KindSearch, Owner } from '../history-search.ts';
import { api, body, inEnvironment } from './client.ts';
import type { components } from './schema';

type Schemas = components['schemas'];
export type HistoryEvent = Schemas['Event'];
export type EventName = Schemas['EventNameSummary'];
export type EventCounts = Schemas['EventCounts'];
export type Property = Schemas['PropertySummary'];
export type PropertyTypes = Schemas['PropertyReading'][];

const TIMELINE_EVENTS = 100;
const EXPLORER_EVENTS = 200;
/** Whoever asks for more than this reads no list any more. */
export const EVENTS_MAX = 20_000;

/** How an API takes a kind of event. */
function named({ event, type }: KindSearch): { event?: string[]; type?: string[] } {
  return { event: event === undefined ? undefined : [event], type: type === undefined ? undefined : [type] };
}

interface Page {
  data: HistoryEvent[];
  next_cursor: string | null;
}

function pages(key: readonly unknown[], limit: number, read: (cursor: string | undefined) => Promise<Page>) {
  return infiniteQueryOptions({
    queryKey: key,
    queryFn: ({ pageParam }) => read(pageParam),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last: Page, all: Page[]) =>
      all.length * limit >= EVENTS_MAX ? undefined : (last.next_cursor ?? undefined),
    placeholderData: keepPreviousData,
    structuralSharing: false,
    staleTime: 5_000,
    refetchOnWindowFocus: false,
    refetchOnReconnect: false,
    refetchOnMount: (query) => (query.state.data?.pages.length ?? 0) <= 3,
  });
}

export interface Subject {
  kind: 'users' | 'companies';
  id: string;
}

/** What happened to somebody, newest first; before a time, when one is named. */
export const timelineQuery = (environment: number, { kind, id }: Subject, of: KindSearch, to?: string) =>
  pages(['timeline', environment, kind, id, of, to], TIMELINE_EVENTS, async (cursor) => {
    const options = {
      params: { path: { id }, query: { ...named(of), to, cursor, limit: TIMELINE_EVENTS } },
      headers: inEnvironment(environment),
    };
    return body(
      kind === 'users'
        ? await api.GET('/v1/users/{id}/events', options)
        : await api.GET('/v1/companies/{id}/events', options),
    );
  });

export interface EventFilter extends KindSearch {
  user?: string;
  company?: string;
  property?: string[];
  from?: string;
  to?: string;
}

export const eventsQuery = (environment: number, filter: EventFilter) =>
  pages(['events', environment, filter], EXPLORER_EVENTS, async (cursor) => {
    const { user, company, property, from, to } = filter;
    return body(
      await api.GET('/v1/events', {
        params: {
          query: {
            ...named(filter),
            user_id: user,
            company_id: company,
            property,
            from,
            to,
            cursor,
            limit: EXPLORER_EVENTS,
          },
        },
        headers: inEnvironment(environment),
      }),
    );
  });

/** The event at a position. It never changes, but it can be erased. */
export const eventQuery = (environment: number, position: string | undefined) =>
  queryOptions({
    queryKey: ['event', environment, position],
    enabled: position !== undefined,
    retry: false,
    queryFn: async () =>
      body(
        await api.GET('/v1/events/{position}', {
          params: { path: { position: position ?? '' } },
          headers: inEnvironment(environment),
        }),
      ),
  });

export const eventNamesQuery = (environment: number, zone: string) =>
  queryOptions({
    queryKey: ['event-names', environment, zone],
    staleTime: 15_000,
    queryFn: async () =>
      body(
        await api.GET('/v1/events/names', {
          params: { query: { days: 30, zone, examples: 5 } },
          headers: inEnvironment(environment),
        }),
      ),
  });

export interface CountQuestion extends KindSearch {
  from: string;
  interval: string;
  measure: string;
  breakdown?: string;
  breakdown_at?: 'event';
  zone: string;
}

/** As many lines as one can tell apart. */
export const LINES_MAX = 8;

export const countsQuery = (environment: number, question: CountQuestion) =>
  queryOptions({
    queryKey: ['event-counts', environment, question],
    staleTime: 15_000,
    placeholderData: keepPreviousData,
    queryFn: async () => {
      const { from, interval, measure, breakdown, breakdown_at, zone } = question;
      return body(
        await api.GET('/v1/events/counts', {
          params: {
            query: {
              ...named(question),
              from,
              interval,
              measure,
              zone,
              breakdown,
              breakdown_at,
              groups: breakdown === undefined ? undefined : LINES_MAX,
            },
          },
          headers: inEnvironment(environment),
        }),
      );
    },
  });

export const propertiesQuery = (environment: number, owner: Owner) =>
  queryOptions({
    queryKey: ['properties', environment, owner],
    staleTime: 15_000,
    queryFn: async () =>
      body(
        await api.GET('/v1/properties', {
          params: { query: { owner, examples: 5 } },
          headers: inEnvironment(environment),
        }),
      ),
  });

export const declareProperty = async (environment: number, declaration: Schemas['PropertyDeclaration']) =>
  body(await api.PUT('/v1/properties', { body: declaration, headers: inEnvironment(environment) }));

/** A user as what happened until then makes it. */
export const pastUserQuery = (environment: number, id: string, asOf: string | undefined) =>
  queryOptions({
    queryKey: ['past-user', environment, id, asOf],
    enabled: asOf !== undefined,
    placeholderData: keepPreviousData,
    retry: false,
    queryFn: async () =>
      body(
        await api.GET('/v1/users/{id}', {
          params: { path: { id }, query: { detail: true, as_of: asOf } },
          headers: inEnvironment(environment),
        }),
      ),
  });
