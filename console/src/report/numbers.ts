/** The numbers of reports as people read them. */
import { count } from '../text/number.ts';

const UP_TO_TWO = new Intl.NumberFormat('en-US', { maximumFractionDigits: 2 });

/** `1,204`, `3.25`, and a dash where there is none. */
export function figure(value: number | null | undefined): string {
  return value === null || value === undefined ? '–' : UP_TO_TWO.format(value);
}

/** A share in percent: `62.5%`; nothing of nothing is a dash, and almost nothing is not nothing. */
export function percent(part: number, whole: number): string {
  if (whole === 0) return '–';
  const share = (part / whole) * 100;
  if (part > 0 && share < 0.1) return '<0.1%';
  if (part < whole && share > 99.9) return '>99.9%';
  return `${Number(share.toFixed(1))}%`;
}

const UNITS: [number, string][] = [
  [86_400, 'd'],
  [3_600, 'h'],
  [60, 'min'],
  [1, 's'],
];

/** What a length of time may be rounded to: 5 seconds, 10 minutes, 6 hours, … */
const STEPS = [1, 5, 10, 30, 60, 300, 600, 1_800, 3_600, 7_200, 21_600, 43_200, 86_400];
/** Medians of reports are up to 0.1 % too small: steps of twice as much bring a day back from `23 h 59 min`. */
const STEP_SHARE = 0.002;

/** A length of time in its two largest units, as exact as it is known: `3 d 4 h`, `12 min`, `0.4 s`. */
export function span(seconds: number): string {
  if (seconds < 1) return `${Number(seconds.toFixed(1))} s`;
  const first = UNITS.findIndex(([size]) => seconds >= size);
  const smallest = UNITS[first + 1]?.[0] ?? 1;
  const step = STEPS.find((each) => each >= smallest && each >= seconds * STEP_SHARE) ?? 86_400;
  let left = Math.round(seconds / step) * step;
  const words: string[] = [];
  for (const [size, unit] of UNITS) {
    const number = Math.floor(left / size);
    left -= number * size;
    if (number > 0) words.push(`${count(number)} ${unit}`);
  }
  return words.join(' ');
}

/** The value of a group: what was sent, and words for nothing. */
export function groupName(value: unknown): string {
  if (value === null || value === undefined) return 'without a value';
  if (value === '') return '""';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
