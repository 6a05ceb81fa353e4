/** Times as people read them: relative in lists, absolute with the zone where it matters. */

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** `just now`, `12 s ago`, `2 min ago`, `3 h ago`, `5 days ago`, then the date. */
export function relative(at: number, now: number): string {
  const age = now - at;
  if (age < 0) return ahead(-age, at);
  if (age < 5 * SECOND) return 'just now';
  if (age < MINUTE) return `${Math.floor(age / SECOND)} s ago`;
  if (age < HOUR) return `${Math.floor(age / MINUTE)} min ago`;
  if (age < DAY) return `${Math.floor(age / HOUR)} h ago`;
  if (age < 30 * DAY) return days(Math.floor(age / DAY), 'ago');
  return date(at);
}

function ahead(distance: number, at: number): string {
  // Clocks of two machines differ a little.
  if (distance < MINUTE) return 'just now';
  if (distance < HOUR) return `in ${Math.round(distance / MINUTE)} min`;
  if (distance < DAY) return `in ${Math.round(distance / HOUR)} h`;
  if (distance < 30 * DAY) return `in ${days(Math.round(distance / DAY))}`;
  return date(at);
}

function days(number: number, suffix = ''): string {
  return `${number} ${number === 1 ? 'day' : 'days'} ${suffix}`.trim();
}

const CLOCK = { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' } as const;
const FORMS = {
  date: { day: 'numeric', month: 'short', year: 'numeric' },
  clock: { ...CLOCK, fractionalSecondDigits: 3 },
  time: { ...CLOCK, timeZoneName: 'short' },
  precise: { ...CLOCK, fractionalSecondDigits: 3, timeZoneName: 'short' },
  weekday: { weekday: 'long' },
} satisfies Record<string, Intl.DateTimeFormatOptions>;

const made = new Map<string, Intl.DateTimeFormat>();

/** A formatter costs far more to make than to use, and a table shows a time in every row: each is made once. */
function format(form: keyof typeof FORMS, at: number, timeZone: string | undefined): string {
  const name = `${form} ${timeZone ?? ''}`;
  let formatter = made.get(name);
  if (formatter === undefined) {
    formatter = new Intl.DateTimeFormat('en-GB', { ...FORMS[form], timeZone });
    made.set(name, formatter);
  }
  return formatter.format(at);
}

/** `21 Nov 2026`, in the viewer's zone unless another is named. */
export function date(at: number, timeZone?: string): string {
  return format('date', at, timeZone);
}

/** `09:31:02.481`, in the viewer's zone unless another is named. */
export function clock(at: number, timeZone?: string): string {
  return format('clock', at, timeZone);
}

/** `21 Nov 2026, 10:31:02 CET`, to the millisecond when it is to be precise, in the viewer's zone unless another is named. */
export function absolute(at: number, timeZone?: string, isPrecise = false): string {
  return `${date(at, timeZone)}, ${format(isPrecise ? 'precise' : 'time', at, timeZone)}`;
}

/** What stands on hover: the viewer's zone, then UTC where they differ. */
export function inFull(at: number, timeZone?: string): string {
  const local = absolute(at, timeZone);
  const utc = absolute(at, 'UTC');
  return local === utc ? local : `${local}\n${utc}`;
}

/** `Saturday` of the week before, as a comparison names it. */
export function weekday(at: number, timeZone?: string): string {
  return format('weekday', at, timeZone);
}

export function viewerTimeZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}
