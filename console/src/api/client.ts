/** The one way to the server: the client generated from its OpenAPI document, with refusals thrown. */

import createClient, { type Middleware } from 'openapi-fetch';
import { refusalOf, Unreachable } from './refusal.ts';
import type { paths } from './schema';

const throwing: Middleware = {
  async onResponse({ response }) {
    if (!response.ok) throw await refusalOf(response);
  },
  onError({ error }) {
    return error instanceof TypeError ? new Unreachable() : undefined;
  },
};

export const api = createClient<paths>({ credentials: 'same-origin' });
api.use(throwing);

/** The body of an answer. A refusal was thrown before, so there is one. */
export function body<T>(answer: { data?: T }): T {
  return answer.data as T;
}

/** The header by which a call with a session names its environment. */
export function inEnvironment(environment: number): { 'Muster-Environment': string } {
  return { 'Muster-Environment': String(environment) };
}
