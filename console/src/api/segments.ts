/** Segments: who belongs to them, and why. */
import { infiniteQueryOptions, keepPreviousData, queryOptions } from '@tanstack/react-query';
import type { Level, Rule } from '../rule/rule.ts';
import { type Asked, answered, ask } from './ask.ts';

export interface Segment {
  id: number;
  name: string;
  description: string;
  level: Level;
  kind: 'rule' | 'static';
  rule: Rule | null;
  text: string | null;
  /** How many ids stand in a static one. */
  listed: number | null;
  created_at: string;
  updated_at: string;
  created_by: string | null;
  version: number;
}
export interface Member {
  id: string;
  last_seen_at?: string | null;
}
export interface ListedMember extends Member {
  properties: Record<string, unknown>;
}
export interface Preview {
  members: number;
  conflicts: number;
  rule: Rule;
  text: string;
  moment: string;
  sample: Member[];
}
/** What a preview and a filter ask: one of the two forms. */
export type RuleForm = { rule: Rule } | { text: string };
export type SegmentBody = {
  name: string;
  description?: string;
  level: Level;
} & (RuleForm | { members: string[] });
export interface Explained {
  text: string;
  /** Null where a value cannot be read as what it is compared with. */
  holds: boolean | null;
  seen?: unknown;
  members?: Explained[];
}
export interface Explanation {
  member: boolean | null;
  moment: string;
  explanation: Explained;
}
interface Items<Item> {
  items: Item[];
  next_cursor?: string | null;
}

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
    queryFn: async () => (await ask<Items<Segment>>(environment, 'GET', '/v1/segments')).items,
  });

export const segmentQuery = (environment: number, id: number) =>
  queryOptions({
    queryKey: ['segment', environment, id],
    queryFn: () => ask<Segment>(environment, 'GET', `/v1/segments/${id}`),
  });

const changedAt = (version: number | undefined): Asked['headers'] =>
  version === undefined ? {} : { 'If-Match': `"${version}"` };

export const makeSegment = (environment: number, body: SegmentBody) =>
  ask<Segment>(environment, 'POST', '/v1/segments', { body });
/** Refused when somebody changed it since it was read. */
export const changeSegment = (environment: number, { id, version }: Segment, body: Partial<SegmentBody>) =>
  ask<Segment>(environment, 'PUT', `/v1/segments/${id}`, { body, headers: changedAt(version) });
export const removeSegment = (environment: number, id: number) =>
  ask<void>(environment, 'DELETE', `/v1/segments/${id}`);

export const preview = (environment: number, level: Level, form: RuleForm, signal?: AbortSignal) =>
  ask<Preview>(environment, 'POST', '/v1/segments/preview', {
    body: { level, ...form, sample: SAMPLE },
    signal,
  });

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
}
interface MembersPage extends Items<ListedMember> {
  total: number;
}

const membersAsked = ({ sort, columns }: MembersQuestion) => ({
  sort,
  columns: columns.join(',') || undefined,
});

export const membersQuery = (environment: number, id: number, question: MembersQuestion) =>
  infiniteQueryOptions({
    queryKey: ['members', environment, id, question],
    queryFn: ({ pageParam }) =>
      ask<MembersPage>(environment, 'GET', `/v1/segments/${id}/members`, {
        query: { ...membersAsked(question), cursor: pageParam, limit: MEMBERS_ROWS },
      }),
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
  const response = await answered(environment, 'GET', `/v1/segments/${segment.id}/members`, {
    query: { ...membersAsked(question), format: 'csv' },
  });
  const name = segment.name.replace(/[^\p{L}\p{N}]+/gu, '-').replace(/^-|-$/g, '');
  return new File([await response.blob()], `${name || 'segment'}.csv`, { type: 'text/csv' });
}

export type ListMode = 'add' | 'remove';
export interface ListChange {
  listed: number;
  added: number;
  removed: number;
}
export const changeList = (environment: number, id: number, mode: ListMode, ids: string[]) =>
  ask<ListChange>(environment, 'POST', `/v1/segments/${id}/members`, { body: { [mode]: ids } });

const PROFILES = { user: 'users', company: 'companies' } as const;

export const segmentsOfQuery = (environment: number, level: Level, id: string) =>
  queryOptions({
    queryKey: ['segments-of', environment, level, id],
    staleTime: 5_000,
    queryFn: async () => {
      const path = `/v1/${PROFILES[level]}/${encodeURIComponent(id)}/segments`;
      return (await ask<Items<{ id: number; name: string }>>(environment, 'GET', path)).items;
    },
  });

export const explanationQuery = (environment: number, segment: Segment, subject: string) =>
  queryOptions({
    queryKey: ['explanation', environment, segment.id, segment.version, subject],
    retry: false,
    queryFn: () =>
      ask<Explanation>(environment, 'GET', `/v1/segments/${segment.id}/explain`, {
        query: { [segment.level === 'user' ? 'user_id' : 'company_id']: subject },
      }),
  });
