import { expect, test } from 'vitest';
import { causeAndRemedy } from './problem.ts';

test('a problem is told apart from its remedy', () => {
  expect(causeAndRemedy("`user_id` is missing; send the user's id as a string.", 'send the id')).toEqual({
    cause: '`user_id` is missing.',
    remedy: "Send the user's id as a string.",
  });
});

test('without a remedy of its own the one of the code counts', () => {
  expect(causeAndRemedy('The key has expired.', 'use a live key')).toEqual({
    cause: 'The key has expired.',
    remedy: 'Use a live key.',
  });
  expect(causeAndRemedy('It is so.', '').remedy).toBe('');
});
