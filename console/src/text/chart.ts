/** What a chart needs to know before it is drawn: where its lines lie, what its axes say, and its table twin. */
import { date } from './time.ts';

export type Interval = 'hour' | 'day' | 'week' | 'month';

/** The next number of the shape 1, 2, 4, 5 or 8 times a power of ten: halves of it are whole, and easily read. */
export function niceTop(max: number): number {
  if (max <= 2) return 2;
  const power = 10 ** Math.floor(Math.log10(max));
  const step = [1, 2, 4, 5, 8, 10].find((each) => each * power >= max) ?? 10;
  const top = step * power;
  return top % 2 === 0 ? top : top + 1;
}

/** The points of a line over a square of 100 by 100, y from zero. */
export function points(values: readonly number[], top: number): [number, number][] {
  const step = values.length > 1 ? 100 / (values.length - 1) : 0;
  return values.map((value, index) => [
    values.length > 1 ? index * step : 50,
    100 - (Math.min(value, top) / top) * 100,
  ]);
}

export function path(line: readonly [number, number][]): string {
  return line.map(([x, y], index) => `${index === 0 ? 'M' : 'L'}${x.toFixed(2)} ${y.toFixed(2)}`).join('');
}

/** A line in two pieces: what is over, and the last step into an interval that still goes on. */
export function pieces(
  values: readonly number[],
  top: number,
  isLastOpen: boolean,
): { done: string; open: string } {
  const line = points(values, top);
  if (!isLastOpen || line.length < 2) return { done: path(line), open: '' };
  return { done: path(line.slice(0, -1)), open: path(line.slice(-2)) };
}

/** The interval that lies nearest to a place from 0 to 1 over the width. */
export function nearest(share: number, count: number): number {
  return Math.min(Math.max(Math.round(share * (count - 1)), 0), count - 1);
}

/** Which intervals the axis names: the first, the last, and up to three between them. */
export function named(count: number): number[] {
  if (count <= 0) return [];
  const wanted = Math.min(count, 5);
  const at = Array.from({ length: wanted }, (_, index) =>
    wanted === 1 ? 0 : Math.round((index * (count - 1)) / (wanted - 1)),
  );
  return [...new Set(at)];
}

const made = new Map<string, Intl.DateTimeFormat>();
function format(at: number, form: Intl.DateTimeFormatOptions, timeZone: string | undefined): string {
  const key = JSON.stringify([form, timeZone]);
  let formatter = made.get(key);
  if (formatter === undefined) {
    formatter = new Intl.DateTimeFormat('en-GB', { ...form, timeZone });
    made.set(key, formatter);
  }
  return formatter.format(at);
}

/** What an interval is called: `Fri 20 Nov 2026, 14:00`, `Fri 20 Nov 2026`, `week of 16 Nov 2026`, `November 2026`. */
export function intervalName(start: number, interval: Interval, timeZone?: string): string {
  const weekday = () => format(start, { weekday: 'short' }, timeZone);
  switch (interval) {
    case 'hour':
      return `${weekday()} ${date(start, timeZone)}, ${format(start, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }, timeZone)}`;
    case 'day':
      return `${weekday()} ${date(start, timeZone)}`;
    case 'week':
      return `week of ${date(start, timeZone)}`;
    case 'month':
      return format(start, { month: 'long', year: 'numeric' }, timeZone);
  }
}

/** The same for the axis, where there is little room. */
export function axisName(start: number, interval: Interval, timeZone?: string): string {
  if (interval === 'hour')
    return format(
      start,
      { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' },
      timeZone,
    );
  if (interval === 'month') return format(start, { month: 'short', year: 'numeric' }, timeZone);
  return format(start, { day: 'numeric', month: 'short' }, timeZone);
}

/** One field of a CSV file. What a spreadsheet would take for a formula is made text. */
function field(value: string | number): string {
  if (typeof value === 'number') return String(value);
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** The numbers of a chart as a file: a row for each interval, a column for each line. */
export function csv(
  starts: readonly string[],
  series: readonly { name: string; values: readonly (number | '')[] }[],
  first = 'start',
): string {
  const head = [first, ...series.map(({ name }) => name)];
  const rows = starts.map((start, index) => [start, ...series.map(({ values }) => values[index] ?? 0)]);
  return `${[head, ...rows].map((row) => row.map(field).join(',')).join('\r\n')}\r\n`;
}
