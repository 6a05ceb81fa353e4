import { expect, test } from 'vitest';
import { nearestWhole, wholeNumber } from './whole-number.ts';

const BOUNDS = { min: 2, max: 20 };

test('what is typed counts only once it is a whole number within the bounds', () => {
  const typed = ['', '1', '10', '100', '2', '20', '21', ' 7 ', '2.5', '1e1', '-3', 'many'];
  expect(typed.map((text) => wholeNumber(text, BOUNDS))).toEqual([
    ...[null, null, 10, null, 2, 20, null, 7],
    ...[null, null, null, null],
  ]);
});

test('what is left behind becomes the nearest that is allowed', () => {
  const left = ['', ' ', 'many', '1', '-3', '100', '2.9', '1e1', '7'];
  expect(left.map((text) => nearestWhole(text, BOUNDS))).toEqual([null, null, null, 2, 2, 20, 2, 10, 7]);
});
