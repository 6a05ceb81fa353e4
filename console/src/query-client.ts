import { QueryCache, QueryClient } from '@tanstack/react-query';
import { isSignedOut, Refusal, Unreachable } from './api/refusal.ts';

const RETRIES = 2;

/** Asking again helps when nobody answered or the server was busy, and never when it said no. */
function isWorthRetrying(failures: number, cause: unknown): boolean {
  if (failures >= RETRIES) return false;
  return cause instanceof Unreachable || (cause instanceof Refusal && cause.status === 503);
}

export const queryClient = new QueryClient({
  queryCache: new QueryCache({
    onError: (cause, query) => {
      // The session ended: everything that was read with it goes, and the frame asks who is there.
      if (isSignedOut(cause) && query.queryKey[0] !== 'session') {
        void queryClient.invalidateQueries({ queryKey: ['session'] });
      }
    },
  }),
  defaultOptions: { queries: { retry: isWorthRetrying, staleTime: 2_000 } },
});
