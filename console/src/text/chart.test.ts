import { describe, expect, test } from 'vitest';
import { csv, intervalName, named, nearest, niceTop, pieces, points } from './chart.ts';

describe('the axes', () => {
  test('end at a number that is easily halved', () => {
    expect([0, 1, 3, 7, 13, 99, 101, 430, 8_200].map(niceTop)).toEqual([
      2, 2, 4, 8, 20, 100, 200, 500, 10_000,
    ]);
    for (let max = 1; max < 3_000; max++) {
      expect(niceTop(max)).toBeGreaterThanOrEqual(max);
      expect(niceTop(max) % 2).toBe(0);
    }
  });

  test('name the first and the last interval, and each once', () => {
    expect(named(30)).toEqual([0, 7, 15, 22, 29]);
    expect(named(2)).toEqual([0, 1]);
    expect(named(1)).toEqual([0]);
    expect(named(0)).toEqual([]);
  });

  test('name intervals in the zone that they were cut in', () => {
    const start = Date.parse('2026-11-19T23:00:00Z');
    expect(intervalName(start, 'day', 'Europe/Berlin')).toBe('Fri 20 Nov 2026');
    expect(intervalName(start, 'day', 'UTC')).toBe('Thu 19 Nov 2026');
    expect(intervalName(start, 'hour', 'UTC')).toBe('Thu 19 Nov 2026, 23:00');
    expect(intervalName(start, 'month', 'UTC')).toBe('November 2026');
  });
});

describe('lines', () => {
  test('begin left, end right, and stand on zero', () => {
    expect(points([0, 5, 10], 10)).toEqual([
      [0, 100],
      [50, 50],
      [100, 0],
    ]);
    expect(points([4], 8), 'a single interval stands in the middle').toEqual([[50, 50]]);
  });

  test('have the interval that still goes on apart', () => {
    expect(pieces([1, 1, 1], 2, true)).toEqual({
      done: 'M0.00 50.00L50.00 50.00',
      open: 'M50.00 50.00L100.00 50.00',
    });
    expect(pieces([1, 1, 1], 2, false).open).toBe('');
  });

  test('are met by the pointer at the nearest interval', () => {
    expect([-1, 0, 0.24, 0.26, 1, 2].map((share) => nearest(share, 3))).toEqual([0, 0, 0, 1, 2, 2]);
  });
});

test('the table twin is a file that a spreadsheet reads as it was meant', () => {
  const series = [
    { name: 'pro, yearly', values: [1, 2] },
    { name: '=SUM(A1)', values: [3] },
  ];
  expect(csv(['2026-11-19', '2026-11-20'], series)).toBe(
    'start,"pro, yearly",\'=SUM(A1)\r\n2026-11-19,1,3\r\n2026-11-20,2,0\r\n',
  );
});
