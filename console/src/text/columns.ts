/** The columns of a CSV file of history, and what an import makes of each (docs/API.md, "Import"). */

export interface Column {
  name: string;
  kind: 'key' | 'property' | 'left out';
  /** What its fields become, in words. */
  becomes: string;
  /** The field of the first row. */
  sample: string;
}

const PROPERTY = 'metadata.';
const DELIMITERS = [',', ';', '\t', '|'];

/** The keys of a row, as the server knows them. */
const KEYS: Record<string, string> = {
  event_type: 'Kind of row',
  event_name: 'Name of the event',
  event: 'Name of the event',
  user_id: 'User',
  company_id: 'Company',
  source: 'Source',
  inserted_at: 'Time',
  occurred_at: 'Time',
  timestamp: 'Time',
  event_id: 'Id of the event, so that it counts once',
  metadata: 'Properties, as JSON',
  url: 'Address of the page',
  hostname: 'Host of the page',
  pathname: 'Path of the page',
  user_agent: 'Browser and operating system',
  operating_system: 'Operating system',
  browser: 'Browser',
  browser_language: 'Language of the browser',
  country_code: 'Country',
  device_type: 'Kind of device',
  screen_width: 'Width of the screen',
  screen_height: 'Height of the screen',
};

const isKnown = (name: string) => Object.hasOwn(KEYS, name) || name.startsWith(PROPERTY);

/** The first records of a CSV text. Quotes may hold delimiters, line ends and doubled quotes. */
function records(text: string, delimiter: string, most: number): string[][] {
  const found: string[][] = [];
  let record: string[] = [];
  let field = '';
  let isQuoted = false;
  const end = () => {
    record.push(field);
    field = '';
    // A blank line is none.
    if (record.length > 1 || record[0] !== '') found.push(record);
    record = [];
  };
  for (let at = 0; at < text.length && found.length < most; at += 1) {
    const character = text.charAt(at);
    if (isQuoted) {
      if (character !== '"') field += character;
      else if (text.charAt(at + 1) === '"') {
        field += '"';
        at += 1;
      } else isQuoted = false;
    } else if (character === '"' && field === '') isQuoted = true;
    else if (character === delimiter) {
      record.push(field);
      field = '';
    } else if (character === '\n') end();
    else if (character !== '\r') field += character;
  }
  if (found.length < most) end();
  return found;
}

/** Of equals the first. */
function delimiterOf(line: string): string {
  const known = (delimiter: string) =>
    line.split(delimiter).filter((name) => isKnown(name.trim().replaceAll('"', '').trim())).length;
  return DELIMITERS.reduce((best, next) => (known(next) > known(best) ? next : best));
}

function becomes(name: string): Pick<Column, 'kind' | 'becomes'> {
  const key = Object.hasOwn(KEYS, name) ? KEYS[name] : undefined;
  if (key !== undefined) return { kind: 'key', becomes: key };
  const property = name.startsWith(PROPERTY) ? name.slice(PROPERTY.length) : '';
  return property === ''
    ? { kind: 'left out', becomes: 'Left out' }
    : { kind: 'property', becomes: `Property ${property}` };
}

/** What a file that begins like this has for columns; null for what is no CSV file with a header that is known. */
export function columnsOf(head: string): Column[] | null {
  const text = head.replace(/^\uFEFF/, '').trimStart();
  if (/^[[{]/.test(text)) return null;
  const [line = ''] = text.split(/[\r\n]/, 1);
  const [header = [], first = []] = records(text, delimiterOf(line), 2);
  const names = header.map((name) => name.trim());
  if (!names.some(isKnown)) return null;
  return names.map((name, at) => ({ name, ...becomes(name), sample: first[at] ?? '' }));
}
