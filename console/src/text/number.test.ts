import { expect, test } from 'vitest';
import { bytes, compared, countOf, duration, rate } from './number.ts';

test('numbers have thousands separators and agree with their noun', () => {
  expect(countOf(1, 'user')).toBe('1 user');
  expect(countOf(12408, 'company', 'companies')).toBe('12,408 companies');
});

test('durations keep the digits that matter', () => {
  expect([340, 1234, 12_345, 1_204_000].map(duration)).toEqual(['340 µs', '1.2 ms', '12 ms', '1.20 s']);
});

test('sizes have units', () => {
  expect([1, 312, 1536].map(bytes)).toEqual(['1 byte', '312 bytes', '1.5 KiB']);
});

test('rates are whole once they are large', () => {
  expect([0, 0.5, 3, 12.4].map(rate)).toEqual(['0', '0.5', '3', '12']);
});

test('today is compared with the same weekday last week, in words', () => {
  expect(compared(5, null)).toBeNull();
  expect(compared(5, undefined)).toBeNull();
  expect(compared(5, 5)?.text).toBe('same as');
  expect(compared(150, 100)?.text).toBe('50% more than');
  expect(compared(50, 100)?.text).toBe('50% less than');
  expect(compared(1001, 1000)?.text).toBe('about the same as');
  expect(compared(7, 0)?.text).toBe('7 more than');
  expect(compared(3000, 2)?.text).toBe('1,500 times');
});
