/** Reports: answers, the people behind their numbers, and what was saved. */
import { infiniteQueryOptions, keepPreviousData, queryOptions } from '@tanstack/react-query';
import type { Answers, Behind, Numbers } from '../report/answer.ts';
import { type Kind, type Questions, sent } from '../report/question.ts';
import { ask } from './ask.ts';
import { api, body, inEnvironment } from './client.ts';
import { Refusal } from './refusal.ts';
import type { components } from './schema';

type Schemas = components['schemas'];
/** The question is null for whoever may not see a property that it asks for. */
export type SavedReport = Omit<Schemas['SavedReport'], 'question'> & { question: object | null };
export type Dashboard = Schemas['Dashboard'];

const PEOPLE_ROWS = 100;
/** An answer keeps its snapshot for a quarter of an hour; it is asked anew well before. */
const ANSWER_MS = 10 * 60_000;
/** Between two looks at how far a question is. */
const PROGRESS_MS = 500;

export const answerQuery = <K extends Kind>(
  environment: number,
  kind: K,
  question: Questions[K],
  enabled: boolean,
) =>
  queryOptions<Answers[K], Error, Answers[K], readonly unknown[]>({
    queryKey: ['report-answer', environment, kind, question],
    enabled,
    retry: false,
    staleTime: 15_000,
    refetchInterval: ANSWER_MS,
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) =>
      ask<Answers[K]>(environment, `/v1/reports/${kind}`, sent(kind, question), {
        signal,
        name: questionName(kind, question),
      }),
  });

/** Another window may ask the same. */
const WINDOW = Math.random().toString(36).slice(2);

/** The name by which a question of this window can be followed. */
export function questionName(kind: Kind, question: object): string {
  let hash = 0x811c9dc5;
  for (const letter of JSON.stringify([kind, question])) {
    hash = Math.imul(hash ^ (letter.codePointAt(0) ?? 0), 0x01000193);
  }
  return `${WINDOW}-${(hash >>> 0).toString(36)}`;
}

/** How far a question is; null when it is not being answered. */
export const progressQuery = (environment: number, name: string, enabled: boolean) =>
  queryOptions({
    queryKey: ['question-progress', environment, name],
    enabled,
    gcTime: 0,
    retry: false,
    refetchInterval: PROGRESS_MS,
    queryFn: async ({ signal }) => {
      try {
        const options = { params: { path: { name } }, headers: inEnvironment(environment), signal };
        return body(await api.GET('/v1/questions/{name}', options));
      } catch (cause) {
        if (cause instanceof Refusal && cause.code === 'question_unknown') return null;
        throw cause;
      }
    },
  });

export const behindQuery = <K extends Kind>(
  environment: number,
  kind: K,
  question: Questions[K],
  number: Numbers[K],
  snapshot: string | null,
) =>
  infiniteQueryOptions({
    queryKey: ['report-people', environment, kind, question, number, snapshot],
    retry: false,
    queryFn: ({ pageParam }) =>
      ask<Behind>(environment, `/v1/reports/${kind}/people`, {
        question: sent(kind, question),
        number,
        snapshot: snapshot ?? undefined,
        limit: PEOPLE_ROWS,
        cursor: pageParam,
      }),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last: Behind) => last.next_cursor ?? undefined,
    staleTime: Number.POSITIVE_INFINITY,
  });

const changedAt = (version: number) => ({ 'If-Match': `"${version}"` });

export const reportsQuery = (environment: number) =>
  queryOptions({
    queryKey: ['reports', environment],
    staleTime: 5_000,
    queryFn: async () =>
      body(await api.GET('/v1/reports', { headers: inEnvironment(environment) })).items as SavedReport[],
  });
export const reportQuery = (environment: number, id: number | undefined) =>
  queryOptions({
    queryKey: ['saved-report', environment, id],
    enabled: id !== undefined,
    queryFn: async () =>
      body(
        await api.GET('/v1/reports/{id}', {
          params: { path: { id: id ?? 0 } },
          headers: inEnvironment(environment),
        }),
      ) as SavedReport,
  });
export interface ReportFields {
  name: string;
  kind: Kind;
  question: object;
}
/** Refused when somebody changed it since it was read. */
export const saveReport = async (environment: number, fields: ReportFields, over?: SavedReport) => {
  const options = { body: fields as never, headers: inEnvironment(environment) };
  return body(
    over === undefined
      ? await api.POST('/v1/reports', options)
      : await api.PUT('/v1/reports/{id}', {
          ...options,
          params: { path: { id: over.id }, header: changedAt(over.version) },
        }),
  ) as SavedReport;
};
export const removeReport = (environment: number, id: number) =>
  api.DELETE('/v1/reports/{id}', { params: { path: { id } }, headers: inEnvironment(environment) });

export const dashboardsQuery = (environment: number) =>
  queryOptions({
    queryKey: ['dashboards', environment],
    staleTime: 5_000,
    queryFn: async () => body(await api.GET('/v1/dashboards', { headers: inEnvironment(environment) })).items,
  });
export const dashboardQuery = (environment: number, id: number) =>
  queryOptions({
    queryKey: ['dashboard', environment, id],
    queryFn: async () =>
      body(
        await api.GET('/v1/dashboards/{id}', {
          params: { path: { id } },
          headers: inEnvironment(environment),
        }),
      ),
  });
export const saveDashboard = async (
  environment: number,
  fields: Schemas['DashboardFields'],
  over?: Dashboard,
) => {
  const options = { body: fields, headers: inEnvironment(environment) };
  return body(
    over === undefined
      ? await api.POST('/v1/dashboards', options)
      : await api.PUT('/v1/dashboards/{id}', {
          ...options,
          params: { path: { id: over.id }, header: changedAt(over.version) },
        }),
  );
};
export const removeDashboard = (environment: number, id: number) =>
  api.DELETE('/v1/dashboards/{id}', { params: { path: { id } }, headers: inEnvironment(environment) });
