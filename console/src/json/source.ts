/**
 * JSON as it was sent: read without losing a digit, a repeated key or the order of keys, written again with one line for
 * each value, and each line knows its JSON Pointer. `JSON.parse` would lose all of that.
 */

export type Node =
  | { kind: 'object'; members: Member[] }
  | { kind: 'array'; items: Node[] }
  | { kind: 'scalar'; text: string };

export interface Member {
  /** The key as it stands in the text, quotes included. */
  keyText: string;
  key: string;
  value: Node;
}

/** Where reading ended, when the text is no JSON. */
export interface Broken {
  offset: number;
}

export type Source = { node: Node } | { broken: Broken };

const DEPTH_MAX = 64;
const SCALAR = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;
const SPACE = /[ \t\r\n]*/y;

export function read(text: string): Source {
  const reader = new Reader(text);
  try {
    const node = reader.value(0);
    reader.space();
    if (!reader.isAtEnd) throw new Unreadable(reader.at);
    return { node };
  } catch (cause) {
    if (cause instanceof Unreadable) return { broken: { offset: cause.offset } };
    throw cause;
  }
}

class Unreadable extends Error {
  readonly offset: number;
  constructor(offset: number) {
    super('not JSON');
    this.offset = offset;
  }
}

class Reader {
  at = 0;
  private readonly text: string;
  constructor(text: string) {
    this.text = text.startsWith('\uFEFF') ? text.slice(1) : text;
  }

  get isAtEnd(): boolean {
    return this.at >= this.text.length;
  }

  space(): void {
    SPACE.lastIndex = this.at;
    SPACE.exec(this.text);
    this.at = SPACE.lastIndex;
  }

  value(depth: number): Node {
    this.space();
    if (depth > DEPTH_MAX) throw new Unreadable(this.at);
    const opening = this.text[this.at];
    if (opening === '{') return { kind: 'object', members: this.members(depth) };
    if (opening === '[') return { kind: 'array', items: this.items(depth) };
    return { kind: 'scalar', text: this.scalar() };
  }

  private members(depth: number): Member[] {
    const members: Member[] = [];
    this.list('}', () => {
      this.space();
      if (this.text[this.at] !== '"') throw new Unreadable(this.at);
      const began = this.at;
      const keyText = this.scalar();
      this.space();
      this.take(':');
      members.push({ keyText, key: unquoted(keyText, began), value: this.value(depth + 1) });
    });
    return members;
  }

  private items(depth: number): Node[] {
    const items: Node[] = [];
    this.list(']', () => items.push(this.value(depth + 1)));
    return items;
  }

  private list(closing: string, element: () => void): void {
    this.at += 1;
    this.space();
    if (this.text[this.at] === closing) {
      this.at += 1;
      return;
    }
    for (;;) {
      element();
      this.space();
      if (this.text[this.at] === closing) break;
      this.take(',');
    }
    this.at += 1;
  }

  private take(sign: string): void {
    if (this.text[this.at] !== sign) throw new Unreadable(this.at);
    this.at += 1;
  }

  private scalar(): string {
    SCALAR.lastIndex = this.at;
    const found = SCALAR.exec(this.text)?.[0];
    if (found === undefined) throw new Unreadable(this.at);
    this.at += found.length;
    return found;
  }
}

function unquoted(keyText: string, offset: number): string {
  try {
    return JSON.parse(keyText) as string;
  } catch {
    throw new Unreadable(offset);
  }
}

/** A step of a pointer with `~` and `/` written as RFC 6901 wants them. */
export function escaped(step: string): string {
  return step.replaceAll('~', '~0').replaceAll('/', '~1');
}

export function steps(pointer: string): string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
}

export type Token = { kind: 'key' | 'string' | 'number' | 'word' | 'sign'; text: string };

export interface Line {
  depth: number;
  tokens: Token[];
  /** The value that this line holds or opens; null on a line that only closes one. */
  pointer: string | null;
  /** Nothing that was sent: it shows where something is missing. */
  missing?: true;
}

/** The lines of a value; what `wanted` points to and is not there gets a line of its own that says so. */
export function lines(node: Node, wanted: readonly string[] = []): Line[] {
  const absent = new Map<string, string[]>();
  for (const pointer of new Set(wanted)) {
    const place = placeOfMissing(node, steps(pointer));
    if (place === null) continue;
    const [parent, name] = place;
    absent.set(parent, [...(absent.get(parent) ?? []), name]);
  }
  const out: Line[] = [];
  write(node, '', 0, [], '', absent, out);
  return out;
}

/** The nearest object that is there, and the key that it lacks; null when nothing is missing. */
function placeOfMissing(root: Node, path: string[]): [string, string] | null {
  let node: Node = root;
  let pointer = '';
  for (const step of path) {
    const next: Node | undefined = child(node, step);
    if (next === undefined) return node.kind === 'object' ? [pointer, step] : null;
    node = next;
    pointer += `/${escaped(step)}`;
  }
  return null;
}

function child(node: Node, step: string): Node | undefined {
  if (node.kind === 'object') return node.members.findLast((member) => member.key === step)?.value;
  if (node.kind === 'array' && /^(0|[1-9]\d*)$/.test(step)) return node.items[Number(step)];
  return undefined;
}

function write(
  node: Node,
  pointer: string,
  depth: number,
  before: Token[],
  after: string,
  absent: Map<string, string[]>,
  out: Line[],
): void {
  const end: Token[] = after === '' ? [] : [{ kind: 'sign', text: after }];
  if (node.kind === 'scalar') {
    out.push({ depth, pointer, tokens: [...before, scalarToken(node.text), ...end] });
    return;
  }
  const [opening, closing] = node.kind === 'object' ? ['{', '}'] : ['[', ']'];
  const missing = absent.get(pointer) ?? [];
  const size = node.kind === 'object' ? node.members.length : node.items.length;
  if (size === 0 && missing.length === 0) {
    out.push({ depth, pointer, tokens: [...before, { kind: 'sign', text: opening + closing }, ...end] });
    return;
  }
  out.push({ depth, pointer, tokens: [...before, { kind: 'sign', text: opening }] });
  for (const name of missing) {
    out.push({
      depth: depth + 1,
      pointer: `${pointer}/${escaped(name)}`,
      tokens: [{ kind: 'key', text: JSON.stringify(name) }],
      missing: true,
    });
  }
  const comma = (index: number) => (index + 1 < size ? ',' : '');
  if (node.kind === 'object') {
    node.members.forEach(({ key, keyText, value }, index) => {
      const name: Token[] = [
        { kind: 'key', text: keyText },
        { kind: 'sign', text: ': ' },
      ];
      write(value, `${pointer}/${escaped(key)}`, depth + 1, name, comma(index), absent, out);
    });
  } else {
    node.items.forEach((item, index) => {
      write(item, `${pointer}/${index}`, depth + 1, [], comma(index), absent, out);
    });
  }
  out.push({ depth, pointer: null, tokens: [{ kind: 'sign', text: closing }, ...end] });
}

function scalarToken(text: string): Token {
  if (text.startsWith('"')) return { kind: 'string', text };
  return { kind: /^[-\d]/.test(text) ? 'number' : 'word', text };
}
