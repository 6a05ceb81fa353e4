/** Who is signed in, and how one gets in and out. */
import { queryOptions } from '@tanstack/react-query';
import { ask } from './pending.ts';
import type { Role, Session } from './types.ts';

export const sessionQuery = queryOptions({
  queryKey: ['session'],
  queryFn: () => ask<Session>('GET', '/v1/session'),
  staleTime: 60_000,
  gcTime: Number.POSITIVE_INFINITY,
});

export const signIn = (entered: { email: string; password: string }) =>
  ask<Session>('POST', '/v1/session', entered);
export const signOut = () => ask<void>('DELETE', '/v1/session');
export const signOutEverywhere = () => ask<void>('DELETE', '/v1/sessions');

export interface OneTimeLink {
  purpose: 'owner' | 'member' | 'reset';
  role: Role;
  email: string | null;
  expires_at: string;
}
export const checkLink = (token: string) => ask<OneTimeLink>('POST', '/v1/invitations/check', { token });
export const acceptLink = (entered: { token: string; name: string; email: string; password: string }) =>
  ask<Session>('POST', '/v1/invitations/accept', entered);

export const PASSWORD_CHARS_MIN = 10;
export const PASSWORD_CHARS_MAX = 256;

const RANK: Record<Role, number> = { viewer: 0, analyst: 1, admin: 2, owner: 3 };
/** The server decides; this only keeps the pages from offering what it would refuse. */
export function mayAct(role: Role, least: Role): boolean {
  return RANK[role] >= RANK[least];
}
