/** The numbers of reports as people read them. */

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

/** A length of time in its two largest units: `3 d 4 h`, `12 min`, `0.4 s`. */
export function span(seconds: number): string {
  if (seconds < 1) return `${Number(seconds.toFixed(1))} s`;
  let left = Math.round(seconds);
  const words: string[] = [];
  for (const [size, unit] of UNITS) {
    const number = Math.floor(left / size);
    left -= number * size;
    if (number > 0) words.push(`${number} ${unit}`);
    // The second unit only directly behind the first: `3 d 12 s` would pretend to be exact.
    if (words.length === 2 || (words.length === 1 && number === 0)) break;
  }
  return words.join(' ');
}

/** The value of a group: what was sent, and words for nothing. */
export function groupName(value: unknown): string {
  if (value === null || value === undefined) return 'without a value';
  if (value === '') return '""';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
