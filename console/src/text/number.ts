/** Numbers as people read them. */

const WHOLE = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

export function count(value: number): string {
  return WHOLE.format(value);
}

/** `1 user`, `2,310 users`. */
export function countOf(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** A duration given in microseconds: `340 µs`, `1.2 ms`, `12 ms`, `1.20 s`. */
export function duration(microseconds: number): string {
  if (microseconds < 1000) return `${Math.round(microseconds)} µs`;
  const milliseconds = microseconds / 1000;
  if (milliseconds < 10) return `${milliseconds.toFixed(1)} ms`;
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  return `${(milliseconds / 1000).toFixed(2)} s`;
}

export interface Comparison {
  text: string;
  direction: 'up' | 'down' | 'same';
}

/** Today's number beside the one of a week ago, in words; null when the older one is not known. */
export function compared(today: number, before: number | null | undefined): Comparison | null {
  if (before === null || before === undefined) return null;
  if (today === before) return { text: 'same as', direction: 'same' };
  const direction = today > before ? 'up' : 'down';
  if (before === 0) return { text: `${count(today)} more than`, direction };
  const percent = Math.round((Math.abs(today - before) / before) * 100);
  if (percent === 0) return { text: 'about the same as', direction: 'same' };
  if (percent > 999) return { text: `${count(Math.round(today / before))} times`, direction };
  return { text: `${percent}% ${direction === 'up' ? 'more' : 'less'} than`, direction };
}

/** A rate per second: whole from 10 on, else with one decimal. */
export function rate(perSecond: number): string {
  return perSecond >= 10 || Number.isInteger(perSecond) ? count(perSecond) : perSecond.toFixed(1);
}

/** A size of text: `312 bytes`, `1.5 KiB`. */
export function bytes(value: number): string {
  return value < 1024 ? countOf(value, 'byte') : `${(value / 1024).toFixed(1)} KiB`;
}
