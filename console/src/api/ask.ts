/** A call whose path only its caller knows, and with it the type of the answer. */
import { inEnvironment } from './client.ts';
import { refusalOf, Unreachable } from './refusal.ts';

/** The answer to a question in an environment; a refusal is thrown. By a name it can be followed meanwhile. */
export async function ask<T>(
  environment: number,
  path: string,
  question: unknown,
  { signal, name }: { signal?: AbortSignal; name?: string } = {},
): Promise<T> {
  const response = await fetch(path, {
    method: 'POST',
    signal,
    credentials: 'same-origin',
    headers: {
      ...inEnvironment(environment),
      ...(name === undefined ? {} : { 'Muster-Question': name }),
      'Content-Type': 'application/json',
    },
    body: JSON.stringify(question),
  }).catch((cause: unknown) => {
    throw cause instanceof TypeError ? new Unreachable() : cause;
  });
  if (!response.ok) throw await refusalOf(response);
  return (await response.json()) as T;
}
