/** A call whose path and types are given by its caller. */
import { inEnvironment } from './client.ts';
import { refusalOf, Unreachable } from './refusal.ts';

type QueryValue = string | number | boolean | undefined;

export interface Asked {
  query?: Record<string, QueryValue>;
  body?: unknown;
  /** A body that is no JSON, with its type. */
  text?: { content: string; type: string };
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

/** The answer to a call in an environment; a refusal is thrown. */
export async function answered(
  environment: number,
  method: string,
  path: string,
  { query = {}, body, text, headers = {}, signal }: Asked = {},
): Promise<Response> {
  const address = new URL(path, window.location.origin);
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) address.searchParams.set(name, String(value));
  }
  const type = text?.type ?? (body === undefined ? undefined : 'application/json');
  const response = await fetch(address, {
    method,
    signal,
    credentials: 'same-origin',
    headers: {
      ...inEnvironment(environment),
      ...(type === undefined ? {} : { 'Content-Type': type }),
      ...headers,
    },
    body: text?.content ?? (body === undefined ? undefined : JSON.stringify(body)),
  }).catch((cause: unknown) => {
    throw cause instanceof TypeError ? new Unreachable() : cause;
  });
  if (!response.ok) throw await refusalOf(response);
  return response;
}

export async function ask<T>(environment: number, method: string, path: string, asked?: Asked): Promise<T> {
  const response = await answered(environment, method, path, asked);
  return (response.status === 204 ? undefined : await response.json()) as T;
}
