import { expect, test } from 'vitest';
import { Rows } from './rows.ts';

const rows = new Rows([['a', 'b'], [], ['c'], ['d', 'e', 'f']]);

test('rows are found by their number across pages of any length', () => {
  const all = Array.from({ length: rows.length }, (_, index) => rows.at(index));
  expect(all).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
  expect([rows.at(-1), rows.at(6)]).toEqual([undefined, undefined]);
});

test('a row is found by what it holds', () => {
  expect(rows.findIndex((row) => row > 'd')).toBe(4);
  expect(rows.findIndex((row) => row > 'z')).toBe(-1);
});

test('a sample is the first rows', () => {
  expect(rows.first(4)).toEqual(['a', 'b', 'c', 'd']);
  expect(rows.first(100)).toHaveLength(6);
});

test('nothing has no rows', () => {
  expect(new Rows<string>([]).at(0)).toBeUndefined();
});
