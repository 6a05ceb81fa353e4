/**
 * Keys that work on a whole page. A component says which keys it answers while it is shown; of several that answer the same
 * key the newest wins. Nothing is answered while somebody types or a dialog is open, but for what is said to be `always`.
 */
import { useEffect, useRef } from 'react';

export interface KeyAction {
  run: (event: KeyboardEvent) => void;
  always?: boolean;
}
export type KeyMap = Record<string, KeyAction | ((event: KeyboardEvent) => void)>;

const SEQUENCE_MS_MAX = 900;
const maps: { current: KeyMap }[] = [];
let pendingKey: { key: string; at: number } | null = null;

/** `mod+k`, `shift+?` is just `?`, `g h` is one key after the other. */
export function nameOf(event: Pick<KeyboardEvent, 'key' | 'metaKey' | 'ctrlKey' | 'altKey'>): string {
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (event.metaKey || event.ctrlKey) return `mod+${key}`;
  return event.altKey ? `alt+${key}` : key;
}

function find(name: string): KeyAction | undefined {
  for (const map of maps.toReversed()) {
    const found = map.current[name];
    if (found !== undefined) return typeof found === 'function' ? { run: found } : found;
  }
  return undefined;
}

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement)
    return !['checkbox', 'radio', 'button', 'submit'].includes(target.type);
  return (
    target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement || target.isContentEditable
  );
}

/** Enter and the space bar belong to the button or link that has the focus. */
function belongsToFocus(name: string, target: EventTarget | null): boolean {
  return (
    (name === 'Enter' || name === ' ') &&
    target instanceof Element &&
    target.closest('a, button, summary') !== null
  );
}

function onKeyDown(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.isComposing) return;
  const name = nameOf(event);
  const now = event.timeStamp;
  const first = pendingKey !== null && now - pendingKey.at < SEQUENCE_MS_MAX ? pendingKey.key : null;
  pendingKey = null;
  const action = (first === null ? undefined : find(`${first} ${name}`)) ?? find(name);
  const isBusy = isTyping(event.target) || document.querySelector('dialog[open], [role=menu]') !== null;
  if (isBusy && action?.always !== true) return;
  if (action === undefined) {
    if (name.length === 1) pendingKey = { key: name, at: now };
    return;
  }
  if (belongsToFocus(name, event.target)) return;
  event.preventDefault();
  action.run(event);
}

export function listenForKeys(): void {
  document.addEventListener('keydown', onKeyDown);
}

export function useKeys(map: KeyMap): void {
  const latest = useRef(map);
  latest.current = map;
  useEffect(() => {
    maps.push(latest);
    return () => {
      maps.splice(maps.indexOf(latest), 1);
    };
  }, []);
}

export const IS_MAC = typeof navigator !== 'undefined' && /Mac|iPhone|iPad/.test(navigator.userAgent);
export const MOD = IS_MAC ? '⌘' : 'Ctrl ';
