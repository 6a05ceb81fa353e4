/** How a property's value reads. */

export type Reading =
  | { kind: 'text'; text: string }
  | { kind: 'number'; text: string }
  | { kind: 'boolean'; text: string }
  | { kind: 'date'; text: string; at: number }
  | { kind: 'masked'; text: string }
  | { kind: 'removed'; text: string };

/** What stands for a value that the viewer's role does not show. */
export const MASK = '•••';

const GROUPED = new Intl.NumberFormat('en-US', { maximumFractionDigits: 20 });

/** `type` is what the server says of the value, when it was asked: `String`, `Numeric` or `Date`. */
export function reading(value: unknown, type?: string): Reading {
  if (value === null || value === undefined) return { kind: 'removed', text: 'removed' };
  if (value === MASK) return { kind: 'masked', text: 'hidden from viewers' };
  if (typeof value === 'boolean') return { kind: 'boolean', text: value ? 'yes' : 'no' };
  if (typeof value === 'number') return { kind: 'number', text: numeral(value) };
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  if (type === 'Date') {
    const at = Date.parse(/\d[T ]\d/.test(text) && !/([zZ]|[+-]\d\d:?\d\d)$/.test(text) ? `${text}Z` : text);
    if (!Number.isNaN(at)) return { kind: 'date', text, at };
  }
  return { kind: 'text', text: needsQuotes(text) ? JSON.stringify(text) : text };
}

/** Years and ids are numbers too, so only what cannot be one of them is grouped. */
function numeral(value: number): string {
  return Number.isInteger(value) && Math.abs(value) < 10_000 ? String(value) : GROUPED.format(value);
}

/** An empty text or one with spaces at its edges would not be seen for what it is. */
function needsQuotes(text: string): boolean {
  return text === '' || text !== text.trim();
}

/** The first of these properties that is a text with something in it. */
export function firstText(properties: Record<string, unknown>, names: string[]): string | null {
  for (const name of names) {
    const value = properties[name];
    if (typeof value === 'string' && value.trim() !== '' && value !== MASK) return value;
  }
  return null;
}
