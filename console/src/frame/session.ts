/** Who is here, and which environment the page is about. */
import { useSuspenseQuery } from '@tanstack/react-query';
import { useSearch } from '@tanstack/react-router';
import { mayAct, sessionQuery } from '../api/session.ts';
import type { Environment, Role, Session } from '../api/types.ts';

const KEPT_UNDER = 'muster-environment';

export function useSession(): Session {
  return useSuspenseQuery(sessionQuery).data;
}

/** The environment that the address names, else the one this browser looked at last, else the first. */
export function useEnvironment(): Environment {
  const { environments } = useSession();
  const { environment: named } = useSearch({ strict: false });
  const wanted = named ?? Number(localStorage.getItem(KEPT_UNDER));
  const found = environments.find(({ id }) => id === wanted) ?? environments[0];
  if (found === undefined) throw new Error('This server has no environment.');
  return found;
}

export function keepEnvironment(id: number): void {
  localStorage.setItem(KEPT_UNDER, String(id));
}

/** Everything that is not production wears a coloured edge, so that nobody mistakes one for the other. */
export function isProduction(environment: Environment): boolean {
  return /^(prod|live$)/i.test(environment.name);
}

export function useMay(least: Role): boolean {
  return mayAct(useSession().member.role, least);
}

/** The address under which clients reach this server. */
export function useOrigin(): string {
  return useSession().public_url?.replace(/\/$/, '') ?? window.location.origin;
}
