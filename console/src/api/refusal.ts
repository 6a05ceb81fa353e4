/** What went wrong with a call, in the server's own words where it had any. */

export interface Problem {
  details: string;
  error_code: string;
  message: string;
}

/** The server answered, and the answer was no. */
export class Refusal extends Error {
  readonly status: number;
  readonly requestId: string | null;
  readonly problems: Problem[];
  readonly retryAfterSeconds: number | null;

  constructor(
    status: number,
    requestId: string | null,
    problems: Problem[],
    retryAfterSeconds: number | null,
  ) {
    super(problems[0]?.message ?? `The server answered with status ${status}.`);
    this.status = status;
    this.requestId = requestId;
    this.problems = problems;
    this.retryAfterSeconds = retryAfterSeconds;
  }

  get code(): string {
    return this.problems[0]?.error_code ?? '';
  }
}

/** No answer came: the server is stopped, or the network is. */
export class Unreachable extends Error {
  constructor() {
    super('The server did not answer.');
  }
}

/** The codes that mean: nobody is signed in. */
const SIGNED_OUT = new Set(['session_missing', 'owner_missing', 'session_expired']);

export function isSignedOut(cause: unknown): cause is Refusal {
  return cause instanceof Refusal && cause.status === 401 && SIGNED_OUT.has(cause.code);
}

export async function refusalOf(response: Response): Promise<Refusal> {
  const body: unknown = await response.json().catch(() => null);
  const listed = (body as { errors?: unknown } | null)?.errors;
  const problems = Array.isArray(listed) ? (listed as Problem[]) : [];
  const retryAfter = Number(response.headers.get('retry-after') ?? Number.NaN);
  return new Refusal(
    response.status,
    response.headers.get('x-request-id'),
    problems,
    Number.isFinite(retryAfter) ? retryAfter : null,
  );
}
