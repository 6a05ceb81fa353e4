import { describe, expect, test } from 'vitest';
import { CONTENT_KINDS, type ContentItem } from '../api/content.ts';
import {
  draftOf,
  foundItems,
  idProblem,
  itemOf,
  KIND_WORDS,
  registeringCall,
  titleOf,
  withItem,
  withoutItem,
} from './content.ts';

const FLOWS: ContentItem[] = [
  { id: 448, title: 'Onboarding' },
  { id: 12, title: 'Invite your team' },
];
const SURVEY = {
  id: 45,
  title: 'CSAT',
  platform: 'mobile',
  modules: [{ id: 1, order: 1, type: 'nps', question: 'How was it?' }],
};

test('items are found by title and by number, in the order of their titles', () => {
  expect(foundItems(FLOWS, '').map(titleOf)).toEqual(['Invite your team', 'Onboarding']);
  expect(foundItems(FLOWS, ' BOARD ').map(titleOf)).toEqual(['Onboarding']);
  expect(foundItems(FLOWS, '12').map(titleOf)).toEqual(['Invite your team']);
  expect(foundItems(FLOWS, 'nothing')).toEqual([]);
});

test('a list is changed in its place and grows at its end', () => {
  expect(withItem(FLOWS, { id: 448, title: 'Welcome' })).toEqual([{ id: 448, title: 'Welcome' }, FLOWS[1]]);
  expect(withItem(FLOWS, { id: 7, title: 'Tour' })).toEqual([...FLOWS, { id: 7, title: 'Tour' }]);
  expect(withoutItem(FLOWS, '448')).toEqual([FLOWS[1]]);
});

describe('an item that is entered', () => {
  test('keeps what nobody enters', () => {
    const draft = { ...draftOf(SURVEY), title: 'Satisfaction' };
    expect(itemOf('surveys', draft, SURVEY)).toEqual({ ...SURVEY, title: 'Satisfaction' });
    const list = { key: 'first', display_name: 'First', data_type: 'number' };
    expect(itemOf('checklists', { ...draftOf(list), title: 'Steps' }, list)).toEqual({
      ...list,
      display_name: 'Steps',
    });
  });

  test.each([
    ['flows', { id: 7, title: 'x' }],
    ['embeds', { id: 7, title: 'x', type: 'card' }],
    ['surveys', { id: 7, title: 'x', platform: 'web', modules: [] }],
    ['checklists', { key: '7', display_name: 'x', data_type: 'string' }],
  ] as const)('is whole when it is new: %s', (kind, expected) => {
    expect(itemOf(kind, { ...draftOf(undefined), id: '7', title: 'x' }, undefined)).toEqual(expected);
  });
});

test('a number is whole, and nobody else’s', () => {
  const number = 'A number is whole, from 0 to 9,007,199,254,740,991.';
  for (const id of ['', '1.5', '-1', '1e3', '9007199254740992']) {
    expect(idProblem('flows', id, FLOWS), id).toBe(number);
  }
  expect(idProblem('flows', '0448', FLOWS)).toBe('448 is Onboarding already.');
  expect(idProblem('flows', '9007199254740991', FLOWS)).toBeNull();
  expect(idProblem('checklists', 'first steps', [])).toBeNull();
  const list = [{ key: 'first', display_name: 'First', data_type: 'string' }];
  expect(idProblem('checklists', 'first', list)).toBe('first is First already.');
});

test('every kind has words and a call of its own', () => {
  for (const kind of CONTENT_KINDS) {
    const call = registeringCall('http://muster.test', kind);
    expect(call).toContain(`-X PUT http://muster.test/v1/content/${kind} `);
    expect(call).toContain(JSON.stringify(KIND_WORDS[kind].example));
  }
});
