import { expect, test } from 'vitest';
import { idsIn, parts } from './ids.ts';

test('ids stand one on a line, however the lines end', () => {
  expect(idsIn('u-1\r\nu-2\n\n  u 3 \ru-1')).toEqual(['u-1', 'u-2', 'u 3']);
  expect(idsIn(' \n')).toEqual([]);
});

test('parts hold every id once, in order, and no part is too large', () => {
  const ids = ['aaaa', 'bb', 'ö', 'cccc'];
  // Each costs its bytes, two quotes and a comma: 7, 5, 5, 7.
  expect(parts(ids, 12)).toEqual([
    ['aaaa', 'bb'],
    ['ö', 'cccc'],
  ]);
  expect(parts(ids, 1)).toEqual([['aaaa'], ['bb'], ['ö'], ['cccc']]);
  expect(parts([], 12)).toEqual([]);
});
