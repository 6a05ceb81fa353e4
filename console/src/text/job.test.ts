import { describe, expect, test } from 'vitest';
import type { Job } from '../api/types.ts';
import { fileSize, readRejects, rejectOf, seconds, shareDone, statusWords, timeLeft, typeOf } from './job.ts';

const why = (more = '') => `{"row":7,"pointer":"/a","code":"id_missing","message":"Send it."${more}}`;

describe('rejected rows', () => {
  test('a row is shown as it was sent, without the reason in it', () => {
    const line = `{"_muster":${why()},"a":12345678901234567890123,"b":[1,{"c":"x"}]}`;
    expect(rejectOf(line)).toEqual({
      row: 7,
      pointer: '/a',
      code: 'id_missing',
      message: 'Send it.',
      text: '{"a":12345678901234567890123,"b":[1,{"c":"x"}]}',
    });
  });

  test('what was no object is shown by its beginning, and what is no rejected row not at all', () => {
    expect(rejectOf(`{"_muster":${why(',"raw":"a,b"')}}`)?.text).toBe('a,b');
    for (const line of ['', '{', '{"a":1}', '{"_muster":{}}', '[]']) expect(rejectOf(line)).toBeNull();
  });

  test('of a stream only the first rows are read, however it is cut', async () => {
    const text = `{"_muster":${why()},"a":"é"}\n`.repeat(5);
    const bytes = new TextEncoder().encode(text);
    for (const size of [1, 7, bytes.length]) {
      let at = 0;
      let isCancelled = false;
      const stream = new ReadableStream<Uint8Array>({
        pull(controller) {
          if (at >= bytes.length) return controller.close();
          controller.enqueue(bytes.slice(at, at + size));
          at += size;
        },
        cancel() {
          isCancelled = true;
        },
      });
      expect((await readRejects(stream, 3)).map((reject) => reject.text)).toEqual(Array(3).fill('{"a":"é"}'));
      if (size === 1) expect(isCancelled).toBe(true);
    }
    expect(await readRejects(null, 3)).toEqual([]);
  });
});

test('the first rows of a file say what it is', () => {
  expect(typeOf('{"user_id":"u","company_id":"c"}')).toBe('users');
  expect(typeOf('{"company_id":"c"}')).toBe('companies');
  expect(typeOf('{"companies":[')).toBe('companies');
  expect(typeOf('\u001f\u008b')).toBeNull();
});

describe('how a job stands', () => {
  const job = (more: Partial<Job>) =>
    ({
      status: 'processing',
      total_rows: 100,
      completed_rows: 25,
      rows_per_second: 10,
      reason: null,
      ...more,
    }) as Job;
  const reason = (code: string) => ({ code, message: '' });

  test('is told in words', () => {
    expect(statusWords(job({}))).toBe('At work');
    expect(statusWords(job({ reason: reason('disk_full') }))).toBe('Waits');
    expect(statusWords(job({ status: 'completed', rejected_rows: 1_200 }))).toBe('Completed, 1,200 rejected');
    expect(statusWords(job({ status: 'failed', reason: reason('job_cancelled') }))).toBe('Cancelled');
    expect(statusWords(job({ status: 'failed', reason: reason('file_unreadable') }))).toBe('Failed');
  });

  test('and in numbers, once there are some', () => {
    expect(shareDone(job({}))).toBe(0.25);
    expect(shareDone(job({ total_rows: 0 }))).toBeNull();
    expect(timeLeft(job({}))).toBe('about 8 s left');
    expect(timeLeft(job({ rows_per_second: 0 }))).toBe('');
    expect(timeLeft(job({ completed_rows: 100 }))).toBe('');
  });
});

test('lengths of time and of files have their units', () => {
  expect([seconds(8), seconds(60), seconds(125), seconds(3_780), seconds(7_200)]).toEqual([
    '8 s',
    '1 min',
    '2 min 5 s',
    '1 h 3 min',
    '2 h',
  ]);
  expect([fileSize(1), fileSize(999), fileSize(1_400_000), fileSize(3e12)]).toEqual([
    '1 byte',
    '999 bytes',
    '1.4 MB',
    '3000.0 GB',
  ]);
});
