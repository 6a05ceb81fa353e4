import { expect, test } from 'vitest';
import type { Call } from './api/types.ts';
import { merged } from './live-feed.ts';

const calls = (...sequences: number[]) => sequences.map((sequence) => ({ sequence }) as Call);
const numbers = (list: readonly Call[]) => list.map(({ sequence }) => sequence);

test('newer calls come first', () => {
  expect(numbers(merged(calls(3, 2, 1), calls(5, 4)))).toEqual([5, 4, 3, 2, 1]);
});

test('what the stream and the list both hold is there once', () => {
  expect(numbers(merged(calls(5, 4), calls(6, 5, 4, 3)))).toEqual([6, 5, 4, 3]);
});

test('a call that comes late finds its place', () => {
  expect(numbers(merged(calls(9, 5), calls(7)))).toEqual([9, 7, 5]);
});

test('the oldest are dropped beyond the bound', () => {
  expect(numbers(merged(calls(3, 2, 1), calls(5, 4), 3))).toEqual([5, 4, 3]);
});

test('nothing new changes nothing', () => {
  expect(numbers(merged(calls(2, 1), []))).toEqual([2, 1]);
  expect(numbers(merged([], calls(2, 1)))).toEqual([2, 1]);
});
