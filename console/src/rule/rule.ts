/** A segment's rule as the server takes it: docs/SEGMENTS.md says what each part means. */

export type Level = 'user' | 'company';
export type ValueType = 'string' | 'numeric' | 'date';

export interface Test {
  type?: ValueType;
  operator: string;
  value?: string | number | (string | number)[];
  ignore_case?: boolean;
}
export type Times = { at_least: number } | { at_most: number } | { exactly: number };
export type Window = { last_days: number } | { between: [string, string] };

export type Condition =
  | ({ condition: 'property'; of?: Level; name: string } & Test)
  | ({ condition: 'auto'; of?: Level; name: string } & Test)
  | { condition: 'company'; operator: string; value?: string | string[] }
  | {
      condition: 'event';
      kind?: string;
      name?: string;
      times?: Times;
      window?: Window;
      where?: ({ name: string } & Test)[];
    }
  | ({ condition: 'page'; part?: string; times?: Times; window?: Window } & Test)
  | { condition: 'segment'; id: number };

export type Rule = { all: Rule[] } | { any: Rule[] } | { not: Rule } | Condition;

/** How a test takes its value: nothing, one field, two, several values, or a number of days. */
type Takes = 'nothing' | 'one' | 'two' | 'list' | 'days';

export interface Operator {
  name: string;
  words: string;
  takes: Takes;
}

const operator = (name: string, words: string, takes: Takes = 'one'): Operator => ({ name, words, takes });

/** What can be asked of a value, by how the value is read. */
export const OPERATORS: Record<ValueType, Operator[]> = {
  string: [
    operator('is', 'is'),
    operator('is_not', 'is not'),
    operator('contains', 'contains'),
    operator('does_not_contain', 'does not contain'),
    operator('starts_with', 'starts with'),
    operator('ends_with', 'ends with'),
    operator('is_one_of', 'is one of', 'list'),
    operator('is_not_one_of', 'is not one of', 'list'),
  ],
  numeric: [
    operator('equals', 'equals'),
    operator('does_not_equal', 'does not equal'),
    operator('below', 'is below'),
    operator('at_most', 'is at most'),
    operator('above', 'is above'),
    operator('at_least', 'is at least'),
    operator('between', 'is between', 'two'),
  ],
  date: [
    operator('on', 'is on'),
    operator('before', 'is before'),
    operator('after', 'is after'),
    operator('between', 'is between', 'two'),
    operator('in_last_days', 'is in the last', 'days'),
    operator('in_next_days', 'is in the next', 'days'),
    operator('more_than_days_ago', 'is more than', 'days'),
  ],
};
export const PRESENCE: Operator[] = [
  operator('exists', 'exists', 'nothing'),
  operator('does_not_exist', 'does not exist', 'nothing'),
];

export function operatorOf({ type, operator }: { type: ValueType; operator: string }): Operator {
  const known = [...PRESENCE, ...OPERATORS[type]].find(({ name }) => name === operator);
  return known ?? { name: operator, words: operator.replaceAll('_', ' '), takes: 'one' };
}

/** Every profile has these, whatever was sent. */
export const AUTO: { name: string; words: string; type: ValueType }[] = [
  { name: 'id', words: 'id', type: 'string' },
  { name: 'first_seen', words: 'first seen', type: 'date' },
  { name: 'last_seen', words: 'last seen', type: 'date' },
];
