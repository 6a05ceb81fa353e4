import { describe, expect, test } from 'vitest';
import { lines, read } from './source.ts';

/** The lines as text, with their pointers. */
function shown(text: string, wanted: string[] = []): string[] {
  const source = read(text);
  if ('broken' in source) return [`broken at ${source.broken.offset}`];
  return lines(source.node, wanted).map(
    ({ depth, tokens, pointer, missing }) =>
      `${'  '.repeat(depth)}${tokens.map((token) => token.text).join('')}${missing ? ' is missing' : ''} @${pointer ?? 'none'}`,
  );
}

describe('a body is shown as it was sent', () => {
  test('one line for each value, each with its pointer', () => {
    expect(shown('{"user_id":"u-7","metadata":{"tags":["a",2]},"x":{}}')).toEqual([
      '{ @',
      '  "user_id": "u-7", @/user_id',
      '  "metadata": { @/metadata',
      '    "tags": [ @/metadata/tags',
      '      "a", @/metadata/tags/0',
      '      2 @/metadata/tags/1',
      '    ] @none',
      '  }, @none',
      '  "x": {} @/x',
      '} @none',
    ]);
  });

  test('no digit, no escape and no repeated key is lost', () => {
    expect(shown('{"n":12345678901234567890.10,"n":1e400,"\\u0061":"\\n"}')).toEqual([
      '{ @',
      '  "n": 12345678901234567890.10, @/n',
      '  "n": 1e400, @/n',
      '  "\\u0061": "\\n" @/a',
      '} @none',
    ]);
  });

  test('names with slashes and tildes are escaped in pointers', () => {
    expect(shown('{"a/b":{"m~n":1}}')).toContain('    "m~n": 1 @/a~1b/m~0n');
  });

  test('a byte order mark, a lone value and white space are read', () => {
    expect(shown('\uFEFF 7 ')).toEqual(['7 @']);
  });
});

describe('what is missing is shown where it should stand', () => {
  test('a key of the body', () => {
    expect(shown('{"metadata":{}}', ['/user_id'])).toEqual([
      '{ @',
      '  "user_id" is missing @/user_id',
      '  "metadata": {} @/metadata',
      '} @none',
    ]);
  });

  test('a key of an empty object, and only once', () => {
    expect(shown('{"company":{}}', ['/company/id', '/company/id'])).toEqual([
      '{ @',
      '  "company": { @/company',
      '    "id" is missing @/company/id',
      '  } @none',
      '} @none',
    ]);
  });

  test('nothing is added for what is there, for the whole body, or inside what is no object', () => {
    const body = '{"user_id":true,"list":[1]}';
    expect(shown(body, ['/user_id', '', '/list/9', '/user_id/x'])).toEqual(shown(body));
  });
});

describe('what is no JSON ends where it broke', () => {
  test.each([
    ['', 0],
    ['{"a":1', 6],
    ['{"a" 1}', 5],
    ['{a:1}', 1],
    ['[1,]', 3],
    ['{"a":1} x', 8],
    ['"open', 0],
    ['nul', 0],
  ])('%j at %i', (text, offset) => {
    expect(read(text)).toEqual({ broken: { offset } });
  });

  test('depth is bounded', () => {
    expect(read('['.repeat(10_000))).toHaveProperty('broken');
  });
});
