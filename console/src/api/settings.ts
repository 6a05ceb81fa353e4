/** Keys, environments, team and audit. */
import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import { api, body } from './client.ts';
import { refusalOf, Unreachable } from './refusal.ts';
import type { components } from './schema';
import type { Role } from './types.ts';

type Schemas = components['schemas'];

export const keysQuery = (environment: number) =>
  queryOptions({
    queryKey: ['keys', environment],
    queryFn: async () =>
      body(await api.GET('/v1/environments/{id}/keys', { params: { path: { id: environment } } })),
  });

export const makeKey = async (environment: number, key: Schemas['KeyCreate']) =>
  body(await api.POST('/v1/environments/{id}/keys', { params: { path: { id: environment } }, body: key }));
export const revokeKey = (environment: number, key: number) =>
  api.DELETE('/v1/environments/{id}/keys/{key}', { params: { path: { id: environment, key } } });

/** Asks the server with the key itself whether it opens something, as a client would. */
export async function testKey(secret: string): Promise<{ requestId: string | null }> {
  let response: Response;
  try {
    response = await fetch('/v1/validate', {
      credentials: 'omit',
      headers: { Authorization: `Token ${secret}` },
    });
  } catch {
    throw new Unreachable();
  }
  if (!response.ok) throw await refusalOf(response);
  return { requestId: response.headers.get('x-request-id') };
}

export const makeEnvironment = async (environment: Schemas['EnvironmentCreate']) =>
  body(await api.POST('/v1/environments', { body: environment }));
export type EnvironmentPatch = Schemas['EnvironmentPatch'];
export const changeEnvironment = (id: number, patch: EnvironmentPatch) =>
  api.PATCH('/v1/environments/{id}', { params: { path: { id } }, body: patch });

/** Since when there are raw events, and what keeping them for so many days would drop now. */
export const keptEventsQuery = (environment: number, days: number | null) =>
  queryOptions({
    queryKey: ['kept-events', environment, days],
    queryFn: async () =>
      body(
        await api.GET('/v1/environments/{id}/kept_events', {
          params: { path: { id: environment }, query: { days: days ?? undefined } },
        }),
      ),
  });

export const teamQuery = queryOptions({
  queryKey: ['team'],
  queryFn: async () => body(await api.GET('/v1/members')),
});
export const changeRole = (id: number, role: Role) =>
  api.PATCH('/v1/members/{id}', { params: { path: { id } }, body: { role } });
export const removeMember = (id: number) => api.DELETE('/v1/members/{id}', { params: { path: { id } } });
export const changeMyself = (change: Schemas['SelfPatch']) => api.PATCH('/v1/members/me', { body: change });
export const invite = async (role: Role, email: string | undefined) =>
  body(await api.POST('/v1/invitations', { body: { role, email } }));
export const withdrawInvitation = (id: number) =>
  api.DELETE('/v1/invitations/{id}', { params: { path: { id } } });

export const auditQuery = infiniteQueryOptions({
  queryKey: ['audit'],
  queryFn: async ({ pageParam }) =>
    body(await api.GET('/v1/audit', { params: { query: { limit: 50, cursor: pageParam } } })),
  initialPageParam: undefined as string | undefined,
  getNextPageParam: (last) => last.next_cursor ?? undefined,
});
