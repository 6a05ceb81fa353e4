/** Jobs: files of rows that were sent, how they stand, and their rejected rows. */
import { infiniteQueryOptions, keepPreviousData, queryOptions } from '@tanstack/react-query';
import { readRejects } from '../text/job.ts';
import { api, body, inEnvironment } from './client.ts';
import { refusalOf, Unreachable } from './refusal.ts';
import type { Job, JobPage, JobType } from './types.ts';

/** How often jobs are read anew while one is under way, and otherwise. */
const LIVE_MS = 700;
const CALM_MS = 5_000;

export const isLive = (job: Job) => job.status !== 'completed' && job.status !== 'failed';

export const jobsQuery = (environment: number) =>
  queryOptions({
    queryKey: ['jobs', environment],
    // Without a page the list is an array.
    queryFn: async () =>
      body(await api.GET('/v1/background_jobs', { headers: inEnvironment(environment) })) as Job[],
    refetchInterval: (query) => (query.state.data?.some(isLive) ? LIVE_MS : CALM_MS),
  });

/** Jobs asked for at once. */
const PAGE_JOBS = 100;

/** All jobs, a page at a time. What is under way is among the first, so that is what decides how often they are read. */
export const jobPagesQuery = (environment: number) =>
  infiniteQueryOptions({
    queryKey: ['jobs', environment, 'pages'],
    queryFn: async ({ pageParam }) =>
      body(
        await api.GET('/v1/background_jobs', {
          params: { query: { limit: PAGE_JOBS, cursor: pageParam } },
          headers: inEnvironment(environment),
        }),
      ) as JobPage,
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last: JobPage) => last.next_cursor ?? undefined,
    placeholderData: keepPreviousData,
    refetchInterval: (query) => (query.state.data?.pages[0]?.data.some(isLive) ? LIVE_MS : CALM_MS),
  });

export const jobQuery = (environment: number, id: string) =>
  queryOptions({
    queryKey: ['job', environment, id],
    queryFn: async () =>
      body(
        await api.GET('/v1/background_jobs/{id}', {
          params: { path: { id } },
          headers: inEnvironment(environment),
        }),
      ),
    refetchInterval: (query) =>
      query.state.data === undefined || isLive(query.state.data) ? LIVE_MS : false,
  });

export const cancelJob = async (environment: number, id: string) =>
  body(
    await api.DELETE('/v1/background_jobs/{id}', {
      params: { path: { id } },
      headers: inEnvironment(environment),
    }),
  );

async function rejectsOf(environment: number, id: string): Promise<Response> {
  const address = `/v1/background_jobs/${encodeURIComponent(id)}/rejects`;
  const response = await fetch(address, { headers: inEnvironment(environment) }).catch(() => {
    throw new Unreachable();
  });
  if (!response.ok) throw await refusalOf(response);
  return response;
}

/** The first rejected rows; the rest is not fetched. `bytes` is in the key, so that what is added is read. */
export const rejectsQuery = (environment: number, id: string, count: number, known: number) =>
  queryOptions({
    queryKey: ['rejects', environment, id, count, known],
    queryFn: async () => readRejects((await rejectsOf(environment, id)).body, count),
    placeholderData: (before) => before,
    staleTime: Number.POSITIVE_INFINITY,
  });

/** All rejected rows, as a file that can be mended and sent again. */
export async function rejectsFile(environment: number, job: Job): Promise<File> {
  const blob = await (await rejectsOf(environment, job.job_id)).blob();
  const name = job.filename.replace(/(\.(ndjson|jsonl|json|gz|zst|txt))*$/i, '');
  return new File([blob], `${name || 'rows'}-rejected.ndjson`, { type: 'application/x-ndjson' });
}

export interface Sending {
  type: JobType;
  file: File;
  dryRun: boolean;
  /** How much of the file has been sent, from 0 to 1. */
  onProgress: (share: number) => void;
}

/** Sends a file. Not with `fetch`, which does not say how far it is. */
export function sendFile(environment: number, { type, file, dryRun, onProgress }: Sending): Promise<Job> {
  const form = new FormData();
  form.set('file', file);
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('POST', `/v1/${type}/bulk_identify${dryRun ? '?dry_run=true' : ''}`);
    for (const [name, value] of Object.entries(inEnvironment(environment))) {
      request.setRequestHeader(name, value);
    }
    request.upload.onprogress = ({ loaded, total }) => onProgress(total > 0 ? loaded / total : 0);
    request.onerror = () => reject(new Unreachable());
    request.onload = () => {
      if (request.status === 202) return resolve(JSON.parse(request.responseText) as Job);
      const headers = { 'x-request-id': request.getResponseHeader('x-request-id') ?? '' };
      const answer = new Response(request.responseText, { status: request.status, headers });
      refusalOf(answer).then(reject, reject);
    };
    request.send(form);
  });
}
