import { useEffect, useMemo, useSyncExternalStore } from 'react';
import type { CallFilter } from './api/calls.ts';
import { LiveFeed, type LiveState } from './live-feed.ts';

/** The live calls of an environment while the component is shown. */
export function useLive(environment: number, filter: CallFilter): LiveState {
  const key = JSON.stringify(filter);
  const feed = useMemo(() => new LiveFeed(environment, JSON.parse(key) as CallFilter), [environment, key]);
  useEffect(() => {
    feed.start();
    return () => feed.stop();
  }, [feed]);
  return useSyncExternalStore(feed.subscribe, feed.snapshot);
}
