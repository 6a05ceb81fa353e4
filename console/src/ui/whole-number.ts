/** Whole numbers within bounds, as they are typed. */

export interface Bounds {
  min: number;
  max: number;
}

/** What is typed, where it is a whole number within the bounds; `1` on the way to `10` is none where 2 is the least. */
export function wholeNumber(text: string, { min, max }: Bounds): number | null {
  if (!/^\s*\d+\s*$/.test(text)) return null;
  const number = Number(text);
  return number >= min && number <= max ? number : null;
}

/** The nearest that is allowed, once nobody types any more; null where no number stands there. */
export function nearestWhole(text: string, { min, max }: Bounds): number | null {
  const number = text.trim() === '' ? Number.NaN : Number(text);
  return Number.isNaN(number) ? null : Math.min(max, Math.max(min, Math.floor(number)));
}
