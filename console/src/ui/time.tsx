import { useSyncExternalStore } from 'react';
import { inFull, relative } from '../text/time.ts';

const TICK_MS = 5_000;
const listeners = new Set<() => void>();
let now = Date.now();
let timer: ReturnType<typeof setInterval> | undefined;

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(() => {
    now = Date.now();
    for (const each of listeners) each();
  }, TICK_MS);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  };
}

/** The time, to a few seconds: one timer for all that shows an age. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, () => now);
}

/** How long ago, with the full time on hover. */
export function Time({ at, className }: { at: string | null | undefined; className?: string }) {
  const shownNow = useNow();
  if (!at) return <span className="text-muted">never</span>;
  const time = Date.parse(at);
  return (
    <time dateTime={at} title={inFull(time)} className={className}>
      {relative(time, Math.max(shownNow, Date.now() - TICK_MS))}
    </time>
  );
}
