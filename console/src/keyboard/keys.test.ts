import { expect, test } from 'vitest';
import { nameOf } from './keys.ts';

const press = (key: string, held: Partial<Record<'metaKey' | 'ctrlKey' | 'altKey', boolean>> = {}) =>
  nameOf({ key, metaKey: false, ctrlKey: false, altKey: false, ...held });

test('keys are named the same on all systems', () => {
  expect(press('k', { metaKey: true })).toBe('mod+k');
  expect(press('K', { ctrlKey: true })).toBe('mod+k');
  expect(press('?')).toBe('?');
  expect(press('J')).toBe('j');
  expect(press('Escape')).toBe('Escape');
  expect(press('k', { altKey: true })).toBe('alt+k');
});
