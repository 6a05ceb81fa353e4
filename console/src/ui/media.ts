import { useSyncExternalStore } from 'react';

function subscribeTo(query: string) {
  return (listener: () => void) => {
    const list = window.matchMedia(query);
    list.addEventListener('change', listener);
    return () => list.removeEventListener('change', listener);
  };
}

const SMALL = '(max-width: 639px)';
const subscribeSmall = subscribeTo(SMALL);
export function useIsSmall(): boolean {
  return useSyncExternalStore(subscribeSmall, () => window.matchMedia(SMALL).matches);
}

const WIDE = '(min-width: 1100px)';
const subscribeWide = subscribeTo(WIDE);
/** Wide enough for a list and what is opened from it, side by side. */
export function useIsWide(): boolean {
  return useSyncExternalStore(subscribeWide, () => window.matchMedia(WIDE).matches);
}
