/**
 * A rule while somebody builds it: a tree of groups and rows, in which a row may still be without its name or its value.
 * Pure, so that the tree and the JSON form are each made from the other under test.
 */
import {
  AUTO,
  type Condition,
  type Level,
  OPERATORS,
  operatorOf,
  type Rule,
  type Test,
  type Times,
  type ValueType,
  type Window,
} from './rule.ts';

export interface TestDraft {
  type: ValueType;
  operator: string;
  value: string;
  /** The upper end of a range. */
  second: string;
  list: string[];
  ignoreCase: boolean;
}
export interface FilterDraft {
  key: number;
  name: string;
  test: TestDraft;
}
export type About = 'property' | 'auto' | 'company' | 'event' | 'page' | 'segment';
export interface RowDraft {
  row: true;
  key: number;
  isNot: boolean;
  about: About;
  of: Level;
  /** Of a property, or one of the words that every profile has. */
  name: string;
  test: TestDraft;
  kind: string;
  event: string;
  times: { word: 'at_least' | 'at_most' | 'exactly'; number: string };
  window: { word: 'ever' | 'last_days' | 'between'; days: string; from: string; to: string };
  where: FilterDraft[];
  part: string;
  segment: string;
}
export type Match = 'all' | 'any' | 'none' | 'not_all';
export interface GroupDraft {
  row: false;
  key: number;
  match: Match;
  members: Draft[];
}
export type Draft = RowDraft | GroupDraft;

let keys = 0;
const nextKey = () => ++keys;

export function newTest(type: ValueType = 'string'): TestDraft {
  const operator = type === 'date' ? 'in_last_days' : (OPERATORS[type][0]?.name ?? '');
  return { type, operator, value: '', second: '', list: [], ignoreCase: false };
}
export function newFilter(): FilterDraft {
  return { key: nextKey(), name: '', test: newTest() };
}
export function newRow(about: About, of: Level): RowDraft {
  const auto = AUTO.at(-1);
  return {
    row: true,
    key: nextKey(),
    isNot: false,
    about,
    of,
    name: about === 'auto' ? (auto?.name ?? '') : '',
    test: newTest(about === 'auto' ? auto?.type : 'string'),
    kind: 'track',
    event: '',
    times: { word: 'at_least', number: '1' },
    window: { word: 'ever', days: '30', from: '', to: '' },
    where: [],
    part: 'path',
    segment: '',
  };
}
export function newGroup(match: Match = 'all', members: Draft[] = []): GroupDraft {
  return { row: false, key: nextKey(), match, members };
}

/** The number that a text is, if it is one that JSON carries without a loss. */
function numberOf(text: string): number | null {
  const trimmed = text.trim();
  const read = Number(trimmed);
  if (trimmed === '' || !Number.isFinite(read)) return null;
  return Number.isInteger(read) && !Number.isSafeInteger(read) ? null : read;
}
function wholeOf(text: string): number | null {
  const read = numberOf(text);
  return read !== null && Number.isInteger(read) && read >= 0 ? read : null;
}
const dayOf = (text: string): string | null => (/^\d{4}-\d{2}-\d{2}$/.test(text) ? text : null);

/** A test as the server takes it; null while something is missing. */
export function testOf(draft: TestDraft): Test | null {
  const { type, operator, value, second, list } = draft;
  const { takes } = operatorOf(draft);
  if (takes === 'nothing') return { operator };
  const read = type === 'numeric' ? numberOf : type === 'date' ? dayOf : (text: string) => text || null;
  const known = { type, operator };
  if (takes === 'days') {
    const days = wholeOf(value);
    return days === null ? null : { ...known, value: days };
  }
  if (takes === 'two') {
    const [from, to] = [read(value), read(second)];
    return from === null || to === null ? null : { ...known, value: [from, to] };
  }
  const cased = type === 'string' && draft.ignoreCase ? { ignore_case: true } : {};
  if (takes === 'list') return list.length === 0 ? null : { ...known, value: list, ...cased };
  const one = read(value);
  return one === null ? null : { ...known, value: one, ...cased };
}

function timesOf({ word, number }: RowDraft['times']): Times | null {
  const times = wholeOf(number);
  return times === null ? null : ({ [word]: times } as Times);
}
function windowOf({ word, days, from, to }: RowDraft['window']): { window?: Window } | null {
  if (word === 'ever') return {};
  if (word === 'last_days') {
    const number = wholeOf(days);
    return number === null ? null : { window: { last_days: number } };
  }
  const [first, last] = [dayOf(from), dayOf(to)];
  return first === null || last === null ? null : { window: { between: [first, last] } };
}

/** A row's condition; null while something of it is missing. */
export function conditionOf(row: RowDraft): Condition | null {
  switch (row.about) {
    case 'property':
    case 'auto': {
      const test = testOf(row.test);
      if (test === null || row.name === '') return null;
      return { condition: row.about, of: row.of, name: row.name, ...test };
    }
    case 'company': {
      const test = testOf(row.test);
      if (test === null) return null;
      const { type: _, ...rest } = test;
      return { condition: 'company', ...(rest as { operator: string; value?: string | string[] }) };
    }
    case 'segment': {
      const id = wholeOf(row.segment);
      return id === null ? null : { condition: 'segment', id };
    }
    case 'event':
    case 'page':
      return deedOf(row);
  }
}

function deedOf(row: RowDraft): Condition | null {
  const times = timesOf(row.times);
  const window = windowOf(row.window);
  if (times === null || window === null) return null;
  if (row.about === 'page') {
    const test = testOf(row.test);
    return test === null ? null : { condition: 'page', part: row.part, ...test, times, ...window };
  }
  if (row.kind === 'track' && row.event === '') return null;
  const where: ({ name: string } & Test)[] = [];
  for (const { name, test: draft } of row.where) {
    const test = testOf(draft);
    if (test === null || name === '') return null;
    where.push({ name, ...test });
  }
  return {
    condition: 'event',
    ...(row.kind === 'track' ? {} : { kind: row.kind }),
    ...(row.event === '' ? {} : { name: row.event }),
    times,
    ...window,
    ...(where.length > 0 ? { where } : {}),
  };
}

export interface Built {
  /** What is finished; null when nothing is, though something was begun. */
  rule: Rule | null;
  /** Rows that still miss something, and groups without a row: they are left out. */
  unfinished: number;
}

/** The rule of a tree: of everything that is finished in it. */
export function build(root: GroupDraft): Built {
  const built = buildGroup(root);
  if (root.members.length === 0) return { rule: { all: [] }, unfinished: 0 };
  return built;
}

function buildDraft(draft: Draft): Built {
  if (!draft.row) return buildGroup(draft);
  const condition = conditionOf(draft);
  if (condition === null) return { rule: null, unfinished: 1 };
  return { rule: draft.isNot ? { not: condition } : condition, unfinished: 0 };
}

function buildGroup(group: GroupDraft): Built {
  const members = group.members.map(buildDraft);
  const rules = members.flatMap(({ rule }) => (rule === null ? [] : [rule]));
  const unfinished = members.reduce((sum, member) => sum + member.unfinished, 0);
  if (rules.length === 0) return { rule: null, unfinished: Math.max(unfinished, 1) };
  const grouped: Rule = group.match === 'all' || group.match === 'not_all' ? { all: rules } : { any: rules };
  const isNegated = group.match === 'none' || group.match === 'not_all';
  return { rule: isNegated ? { not: grouped } : grouped, unfinished };
}

/** The tree of a rule, always with a group at its root. */
export function draftOf(rule: Rule): GroupDraft {
  const draft = draftOfAny(rule);
  return draft.row ? newGroup('all', [draft]) : draft;
}

function draftOfAny(rule: Rule): Draft {
  if ('all' in rule) return newGroup('all', rule.all.map(draftOfAny));
  if ('any' in rule) return newGroup('any', rule.any.map(draftOfAny));
  if (!('not' in rule)) return rowOf(rule);
  const { not } = rule;
  if ('all' in not) return newGroup('not_all', not.all.map(draftOfAny));
  if ('any' in not) return newGroup('none', not.any.map(draftOfAny));
  if ('not' in not) return newGroup('not_all', [draftOfAny(not)]);
  return { ...rowOf(not), isNot: true };
}

function testDraft({ type, operator, value, ignore_case }: Test): TestDraft {
  const draft = { ...newTest(type ?? 'string'), operator, ignoreCase: ignore_case ?? false };
  if (value === undefined) return draft;
  const { takes } = operatorOf(draft);
  if (takes === 'list') return { ...draft, list: [value].flat().map(String) };
  const [first = '', second = ''] = [value].flat().map(String);
  return { ...draft, value: first, second };
}

function deedDraft({
  times,
  window,
}: {
  times?: Times;
  window?: Window;
}): Pick<RowDraft, 'times' | 'window'> {
  const [word, number] = Object.entries(times ?? { at_least: 1 })[0] as [RowDraft['times']['word'], number];
  const ever = { word: 'ever' as const, days: '30', from: '', to: '' };
  return {
    times: { word, number: String(number) },
    window:
      window === undefined
        ? ever
        : 'last_days' in window
          ? { ...ever, word: 'last_days', days: String(window.last_days) }
          : { ...ever, word: 'between', from: window.between[0], to: window.between[1] },
  };
}

function rowOf(condition: Condition): RowDraft {
  const row = newRow(condition.condition, 'user');
  switch (condition.condition) {
    case 'property':
    case 'auto':
      return { ...row, of: condition.of ?? 'user', name: condition.name, test: testDraft(condition) };
    case 'company':
      return { ...row, test: testDraft({ type: 'string', ...condition }) };
    case 'segment':
      return { ...row, segment: String(condition.id) };
    case 'page':
      return { ...row, part: condition.part ?? 'path', test: testDraft(condition), ...deedDraft(condition) };
    case 'event':
      return {
        ...row,
        kind: condition.kind ?? 'track',
        event: condition.name ?? '',
        ...deedDraft(condition),
        where: (condition.where ?? []).map(({ name, ...test }) => ({
          key: nextKey(),
          name,
          test: testDraft(test),
        })),
      };
  }
}

/** The tree with one of its members changed, or taken away. */
export function replaced(group: GroupDraft, key: number, change: (draft: Draft) => Draft | null): GroupDraft {
  return {
    ...group,
    members: group.members.flatMap((member) => {
      const next = member.key === key ? change(member) : member.row ? member : replaced(member, key, change);
      return next === null ? [] : [next];
    }),
  };
}
