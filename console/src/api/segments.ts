/** Segments: who belongs to them, and why. */
import { infiniteQueryOptions, keepPreviousData, queryOptions } from '@tanstack/react-query';
import type { Level, Rule } from '../rule/rule.ts';
import { api, body, inEnvironment } from './client.ts';
import type { components } from './schema';

type Schemas = components['schemas'];
/** The document says only that a rule is an object; what it holds is in docs/SEGMENTS.md. */
type Ruled<Body> = Omit<Body, 'rule'> & { rule: Rule | null };
export type Segment = Ruled<Schemas['Segment']>;
export type Preview = Omit<Schemas['SegmentPreview'], 'rule'> & { rule: Rule };
export type ListedMember = Schemas['SegmentMemberRow'];
export type Explained = Schemas['ExplanationNode'];
/** What a preview and a filter ask: one of the two forms. */
export type RuleForm = { rule: Rule } | { text: string };
export type SegmentBody = {
  name: string;
  description?: string;
  level: Level;
} & (RuleForm | { members: string[] });
const MEMBERS_ROWS = 200;
/** More rows than anybody reads; the file has them all. */
export const MEMBERS_MAX = 50_000;
const SAMPLE = 8;
/** How often the count is asked for anew while a rule is built: people arrive in the meantime. */
const PREVIEW_MS = 4_000;

export const segmentsQuery = (environment: number) =>
  queryOptions({
    queryKey: ['segments', environment],
    staleTime: 5_000,
    queryFn: async () =>
      body(await api.GET('/v1/segments', { headers: inEnvironment(environment) })).items as Segment[],
  });

export const segmentQuery = (environment: number, id: number) =>
  queryOptions({
    queryKey: ['segment', environment, id],
    queryFn: async () =>
      body(
        await api.GET('/v1/segments/{id}', { params: { path: { id } }, headers: inEnvironment(environment) }),
      ) as Segment,
  });

export const makeSegment = async (environment: number, fields: SegmentBody) =>
  body(
    await api.POST('/v1/segments', { body: fields as never, headers: inEnvironment(environment) }),
  ) as Segment;
/** Refused when somebody changed it since it was read. */
export const changeSegment = async (environment: number, { id, version }: Segment, fields: SegmentBody) =>
  body(
    await api.PUT('/v1/segments/{id}', {
      params: { path: { id }, header: { 'If-Match': `"${version}"` } },
      body: fields as never,
      headers: inEnvironment(environment),
    }),
  ) as Segment;
export const removeSegment = (environment: number, id: number) =>
  api.DELETE('/v1/segments/{id}', { params: { path: { id } }, headers: inEnvironment(environment) });

export const preview = async (environment: number, level: Level, form: RuleForm, signal?: AbortSignal) =>
  body(
    await api.POST('/v1/segments/preview', {
      body: { level, ...form, sample: SAMPLE } as never,
      headers: inEnvironment(environment),
      signal,
    }),
  ) as Preview;

/** How many a rule means now. An answer to an older question is thrown away with its question. */
export const previewQuery = (environment: number, level: Level, form: RuleForm | null) =>
  queryOptions<Preview, Error, Preview, readonly unknown[]>({
    queryKey: ['segment-preview', environment, level, form],
    enabled: form !== null,
    retry: false,
    gcTime: 30_000,
    refetchInterval: (query) => (query.state.error === null ? PREVIEW_MS : false),
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => preview(environment, level, form ?? { rule: { all: [] } }, signal),
  });

export interface MembersQuestion {
  sort: 'id' | 'last_seen';
  columns: string[];
  /** Who belonged then; who belongs now when absent. */
  asOf: string | undefined;
}
type MembersPage = Schemas['SegmentMemberPage'];

const membersAsked = ({ sort, columns, asOf }: MembersQuestion) => ({
  sort,
  columns: columns.join(',') || undefined,
  as_of: asOf,
});

export const membersQuery = (environment: number, id: number, question: MembersQuestion) =>
  infiniteQueryOptions({
    queryKey: ['members', environment, id, question],
    // A question of a time gone by may take a while: one that nobody waits for any more must not keep its turn.
    queryFn: async ({ pageParam, signal }) =>
      body(
        await api.GET('/v1/segments/{id}/members', {
          params: {
            path: { id },
            query: { ...membersAsked(question), cursor: pageParam, limit: MEMBERS_ROWS },
          },
          headers: inEnvironment(environment),
          signal,
        }),
      ) as MembersPage,
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last: MembersPage, all: MembersPage[]) =>
      all.length * MEMBERS_ROWS >= MEMBERS_MAX ? undefined : (last.next_cursor ?? undefined),
    placeholderData: keepPreviousData,
    structuralSharing: false,
    staleTime: 5_000,
    refetchOnWindowFocus: false,
    refetchOnReconnect: false,
  });

/** All members as a file. */
export async function membersFile(
  environment: number,
  segment: Segment,
  question: MembersQuestion,
): Promise<File> {
  const { data } = await api.GET('/v1/segments/{id}/members', {
    params: { path: { id: segment.id }, query: { ...membersAsked(question), format: 'csv' } },
    headers: inEnvironment(environment),
    parseAs: 'blob',
  });
  const name = segment.name.replace(/[^\p{L}\p{N}]+/gu, '-').replace(/^-|-$/g, '');
  return new File([data as Blob], `${name || 'segment'}.csv`, { type: 'text/csv' });
}

export type ListMode = 'add' | 'remove';
export type ListChange = Schemas['SegmentListChanged'];
export const changeList = async (environment: number, id: number, mode: ListMode, ids: string[]) =>
  body(
    await api.POST('/v1/segments/{id}/members', {
      params: { path: { id } },
      body: { [mode]: ids },
      headers: inEnvironment(environment),
    }),
  );

export const segmentsOfQuery = (environment: number, level: Level, id: string, asOf: string | undefined) =>
  queryOptions({
    queryKey: ['segments-of', environment, level, id, asOf],
    staleTime: 5_000,
    queryFn: async ({ signal }) => {
      const params = { path: { id }, query: { as_of: asOf } };
      const options = { params, headers: inEnvironment(environment), signal };
      return body(
        level === 'user'
          ? await api.GET('/v1/users/{id}/segments', options)
          : await api.GET('/v1/companies/{id}/segments', options),
      );
    },
  });

export const explanationQuery = (
  environment: number,
  segment: Segment,
  subject: string,
  asOf: string | undefined,
) =>
  queryOptions({
    queryKey: ['explanation', environment, segment.id, segment.version, subject, asOf],
    retry: false,
    queryFn: async ({ signal }) =>
      body(
        await api.GET('/v1/segments/{id}/explain', {
          params: {
            path: { id: segment.id },
            query: {
              ...(segment.level === 'user' ? { user_id: subject } : { company_id: subject }),
              as_of: asOf,
            },
          },
          headers: inEnvironment(environment),
          signal,
        }),
      ),
  });
