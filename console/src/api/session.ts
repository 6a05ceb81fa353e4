/** Who is signed in, and how one gets in and out. */
import { queryOptions } from '@tanstack/react-query';
import { api, body } from './client.ts';
import type { Role } from './types.ts';

export const sessionQuery = queryOptions({
  queryKey: ['session'],
  queryFn: async () => body(await api.GET('/v1/session')),
  staleTime: 60_000,
  gcTime: Number.POSITIVE_INFINITY,
});

export const signIn = async (entered: { email: string; password: string }) =>
  body(await api.POST('/v1/session', { body: entered }));
export const signOut = () => api.DELETE('/v1/session');
export const signOutEverywhere = () => api.DELETE('/v1/sessions');

export const checkLink = async (token: string) =>
  body(await api.POST('/v1/invitations/check', { body: { token } }));
export const acceptLink = async (entered: { token: string; name: string; email: string; password: string }) =>
  body(await api.POST('/v1/invitations/accept', { body: entered }));

export const PASSWORD_CHARS_MIN = 10;
export const PASSWORD_CHARS_MAX = 256;

const RANK: Record<Role, number> = { viewer: 0, analyst: 1, admin: 2, owner: 3 };

/** The server decides; this only keeps the pages from offering what it would refuse. */
export function mayAct(role: Role, least: Role): boolean {
  return RANK[role] >= RANK[least];
}
