/** Reports: answers, the people behind their numbers, and what was saved. */
import { infiniteQueryOptions, keepPreviousData, queryOptions } from '@tanstack/react-query';
import type { Answers, Behind, Numbers } from '../report/answer.ts';
import { type Kind, type Questions, sent } from '../report/question.ts';
import { ask } from './ask.ts';

export interface SavedReport {
  id: number;
  name: string;
  kind: Kind;
  question: object;
  created_at: string;
  updated_at: string;
  created_by: string | null;
  version: number;
}
export interface Dashboard {
  id: number;
  name: string;
  reports: number[];
  created_at: string;
  updated_at: string;
  created_by: string | null;
  version: number;
}

const PEOPLE_ROWS = 100;
/** An answer keeps its snapshot for a quarter of an hour; it is asked anew well before. */
const ANSWER_MS = 10 * 60_000;

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
      ask<Answers[K]>(environment, 'POST', `/v1/reports/${kind}`, { body: sent(kind, question), signal }),
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
      ask<Behind>(environment, 'POST', `/v1/reports/${kind}/people`, {
        body: {
          question: sent(kind, question),
          number,
          snapshot: snapshot ?? undefined,
          limit: PEOPLE_ROWS,
          cursor: pageParam,
        },
      }),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last: Behind) => last.next_cursor ?? undefined,
    staleTime: Number.POSITIVE_INFINITY,
  });

interface Items<Item> {
  items: Item[];
}
const changedAt = (version: number) => ({ 'If-Match': `"${version}"` });

export const reportsQuery = (environment: number) =>
  queryOptions({
    queryKey: ['reports', environment],
    staleTime: 5_000,
    queryFn: async () => (await ask<Items<SavedReport>>(environment, 'GET', '/v1/reports')).items,
  });
export const reportQuery = (environment: number, id: number | undefined) =>
  queryOptions({
    queryKey: ['saved-report', environment, id],
    enabled: id !== undefined,
    queryFn: () => ask<SavedReport>(environment, 'GET', `/v1/reports/${id}`),
  });
export interface ReportBody {
  name: string;
  kind: Kind;
  question: object;
}
export const saveReport = (environment: number, body: ReportBody, over?: SavedReport) =>
  over === undefined
    ? ask<SavedReport>(environment, 'POST', '/v1/reports', { body })
    : ask<SavedReport>(environment, 'PUT', `/v1/reports/${over.id}`, {
        body,
        headers: changedAt(over.version),
      });
export const removeReport = (environment: number, id: number) =>
  ask<void>(environment, 'DELETE', `/v1/reports/${id}`);

export const dashboardsQuery = (environment: number) =>
  queryOptions({
    queryKey: ['dashboards', environment],
    staleTime: 5_000,
    queryFn: async () => (await ask<Items<Dashboard>>(environment, 'GET', '/v1/dashboards')).items,
  });
export const dashboardQuery = (environment: number, id: number) =>
  queryOptions({
    queryKey: ['dashboard', environment, id],
    queryFn: () => ask<Dashboard>(environment, 'GET', `/v1/dashboards/${id}`),
  });
export interface DashboardBody {
  name: string;
  reports: number[];
}
export const saveDashboard = (environment: number, body: DashboardBody, over?: Dashboard) =>
  over === undefined
    ? ask<Dashboard>(environment, 'POST', '/v1/dashboards', { body })
    : ask<Dashboard>(environment, 'PUT', `/v1/dashboards/${over.id}`, {
        body,
        headers: changedAt(over.version),
      });
export const removeDashboard = (environment: number, id: number) =>
  ask<void>(environment, 'DELETE', `/v1/dashboards/${id}`);
