/** Keys, environments, team and audit. */
import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import { ask } from './pending.ts';
import { refusalOf, Unreachable } from './refusal.ts';
import type { AuditEntry, Environment, Invitation, Key, Member, Role } from './types.ts';

export const keysQuery = (environment: number) =>
  queryOptions({
    queryKey: ['keys', environment],
    queryFn: () => ask<{ data: Key[] }>('GET', `/v1/environments/${environment}/keys`),
  });

export interface NewKey {
  name: string;
  scopes: string[];
  calls_per_minute_max?: number;
  replaces?: number;
  overlap_hours?: number;
}
export interface MadeKey {
  key: Key;
  secret: string;
  replaced?: Key | null;
}
export const makeKey = (environment: number, key: NewKey) =>
  ask<MadeKey>('POST', `/v1/environments/${environment}/keys`, key);
export const revokeKey = (environment: number, id: number) =>
  ask<{ key: Key }>('DELETE', `/v1/environments/${environment}/keys/${id}`);

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

export type EnvironmentPatch = Partial<Pick<Environment, 'name' | 'region' | 'pii_properties'>> & {
  settings?: Partial<Environment['settings']>;
};
export const makeEnvironment = (name: string, region: string | undefined) =>
  ask<unknown>('POST', '/v1/environments', { name, region });
export const changeEnvironment = (id: number, patch: EnvironmentPatch) =>
  ask<unknown>('PATCH', `/v1/environments/${id}`, patch);

export const teamQuery = queryOptions({
  queryKey: ['team'],
  queryFn: () => ask<{ data: Member[]; invitations: Invitation[] }>('GET', '/v1/members'),
});
export const changeRole = (member: number, role: Role) =>
  ask<unknown>('PATCH', `/v1/members/${member}`, { role });
export const removeMember = (member: number) => ask<void>('DELETE', `/v1/members/${member}`);
export const changeMyself = (change: { name?: string; password?: { current: string; new: string } }) =>
  ask<unknown>('PATCH', '/v1/members/me', change);
export const invite = (role: Role, email: string | undefined) =>
  ask<{ id: number; link: string; expires_at: string }>('POST', '/v1/invitations', { role, email });
export const withdrawInvitation = (id: number) => ask<void>('DELETE', `/v1/invitations/${id}`);

export const auditQuery = infiniteQueryOptions({
  queryKey: ['audit'],
  queryFn: ({ pageParam }) =>
    ask<{ data: AuditEntry[]; next_cursor: string | null }>(
      'GET',
      `/v1/audit?limit=50${pageParam ? `&cursor=${encodeURIComponent(pageParam)}` : ''}`,
    ),
  initialPageParam: '',
  getNextPageParam: (last) => last.next_cursor ?? undefined,
});
