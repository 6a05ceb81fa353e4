import { expect, test } from 'vitest';
import { build, draftOf, type GroupDraft, newFilter, newGroup, newRow, newTest, replaced } from './draft.ts';
import type { Rule } from './rule.ts';

/** What a rule becomes once it was a tree. */
const again = (rule: Rule) => build(draftOf(rule)).rule;

const RULES: [string, Rule][] = [
  ['everyone', { all: [] }],
  [
    'a group with one of each kind of condition',
    {
      all: [
        { condition: 'property', of: 'user', name: 'plan', type: 'string', operator: 'is', value: 'pro' },
        {
          condition: 'property',
          of: 'company',
          name: 'seats',
          type: 'numeric',
          operator: 'between',
          value: [5, 9.5],
        },
        { condition: 'property', of: 'user', name: 'plan name', operator: 'does_not_exist' },
        {
          condition: 'property',
          of: 'user',
          name: 'plan',
          type: 'string',
          operator: 'is_not_one_of',
          value: ['free, old', 'trial'],
          ignore_case: true,
        },
        {
          condition: 'auto',
          of: 'user',
          name: 'last_seen',
          type: 'date',
          operator: 'more_than_days_ago',
          value: 30,
        },
        { condition: 'company', operator: 'exists' },
        { condition: 'company', operator: 'is_one_of', value: ['acme', 'globex'] },
        { condition: 'segment', id: 7 },
        {
          condition: 'page',
          part: 'path',
          type: 'string',
          operator: 'starts_with',
          value: '/docs/',
          times: { at_least: 2 },
          window: { last_days: 7 },
        },
        {
          condition: 'event',
          name: 'Report exported',
          times: { exactly: 0 },
          window: { between: ['2026-01-01', '2026-03-31'] },
          where: [{ name: 'pages', type: 'numeric', operator: 'above', value: 10 }],
        },
        { condition: 'event', kind: 'session_start', times: { at_most: 3 } },
      ],
    },
  ],
  [
    'groups within groups, and their opposites',
    {
      any: [
        { not: { condition: 'segment', id: 7 } },
        { not: { any: [{ condition: 'segment', id: 1 }, { all: [{ condition: 'segment', id: 2 }] }] } },
        { not: { all: [{ condition: 'segment', id: 3 }] } },
      ],
    },
  ],
];

test.each(RULES)('%s comes back as it was', (_, rule) => {
  expect(again(rule)).toEqual(rule);
});

test('what the server leaves unsaid is said', () => {
  expect(again({ condition: 'event', name: 'paid' })).toEqual({
    all: [{ condition: 'event', name: 'paid', times: { at_least: 1 } }],
  });
});

test('an opposite of an opposite stays one', () => {
  expect(again({ not: { not: { condition: 'segment', id: 1 } } })).toEqual({
    not: { all: [{ not: { condition: 'segment', id: 1 } }] },
  });
});

test('rows that miss something are left out and counted', () => {
  const done = { ...newRow('segment', 'user'), segment: '4' };
  const root = newGroup('all', [done, newRow('property', 'user'), newGroup('any', [])]);
  expect(build(root)).toEqual({ rule: { all: [{ condition: 'segment', id: 4 }] }, unfinished: 2 });
  expect(build(newGroup('all', [newRow('event', 'user')]))).toEqual({ rule: null, unfinished: 1 });
});

test('an event whose filter is not finished is not finished', () => {
  const row = { ...newRow('event', 'user'), event: 'paid', where: [newFilter()] };
  expect(build(newGroup('all', [row])).unfinished).toBe(1);
});

test.each([
  ['', null],
  ['12.5', 12.5],
  ['1e999', null],
  // JSON would carry another number than the one that was entered.
  ['9007199254740993', null],
])('the number %j is taken as %j', (value, expected) => {
  const row = { ...newRow('property', 'user'), name: 'seats', test: { ...newTest('numeric'), value } };
  const { rule } = build(newGroup('all', [row]));
  expect(rule).toEqual(
    expected === null
      ? null
      : {
          all: [
            {
              condition: 'property',
              of: 'user',
              name: 'seats',
              type: 'numeric',
              operator: 'equals',
              value: expected,
            },
          ],
        },
  );
});

test('a row is changed and taken away wherever it stands', () => {
  const row = newRow('segment', 'user');
  const inner = newGroup('any', [row, newRow('page', 'user')]);
  const root = newGroup('all', [inner]);
  const changed = replaced(root, row.key, (draft) => ({ ...draft, segment: '3' }) as typeof row);
  expect((changed.members[0] as GroupDraft).members[0]).toMatchObject({ segment: '3' });
  expect((replaced(root, row.key, () => null).members[0] as GroupDraft).members).toHaveLength(1);
  // The tree before is as it was.
  expect(inner.members).toHaveLength(2);
});
