import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { asCurl, firstCallSnippets, shellWord } from './snippets.ts';

describe('a word of the shell', () => {
  test.each(["it's", '$HOME', 'a b', '{"n":"\\u0000 `x` \\\\"}', 'plain-1.2', ''])(
    '%j arrives as it is',
    (text) => {
      expect(execFileSync('sh', ['-c', `printf %s ${shellWord(text)}`], { encoding: 'utf8' })).toBe(text);
    },
  );
});

test('a recorded call becomes a command without its key', () => {
  const call = { method: 'POST', path: '/v1/track', body: `{"event_name":"it's"}` };
  expect(asCurl('http://muster.test', call)).toBe(
    [
      'curl -i -X POST http://muster.test/v1/track',
      '-H "Authorization: Token $MUSTER_KEY"',
      "-H 'Content-Type: application/json'",
      `--data-raw '{"event_name":"it'\\''s"}'`,
    ].join(' \\\n  '),
  );
});

test('every snippet names this server and the key', () => {
  for (const { id, text } of firstCallSnippets('http://muster.test', 'secret-1')) {
    expect(text, id).toContain('http://muster.test');
    expect(text, id).toContain('secret-1');
  }
});

test('the Node snippet is a program', () => {
  const node = firstCallSnippets('http://muster.test', 'k').find(({ id }) => id === 'node');
  expect(() => new Function(`return async () => { ${node?.text} }`)).not.toThrow();
});

test('the RudderStack transformation gives bodies that Muster takes', () => {
  const text =
    firstCallSnippets('http://muster.test', 'k').find(({ id }) => id === 'rudderstack')?.text ?? '';
  const transform = new Function(`${text.replace('export ', '')}; return transformEvent;`)() as (
    event: unknown,
  ) => unknown;
  expect(transform({ type: 'identify', userId: 'u-7', context: { traits: { plan: 'pro' } } })).toEqual({
    user_id: 'u-7',
    metadata: { plan: 'pro' },
    appendPath: '/identify',
  });
  expect(transform({ type: 'track', userId: 'u-7', event: 'paid', properties: { amount: 3 } })).toEqual({
    user_id: 'u-7',
    event_name: 'paid',
    metadata: { amount: 3 },
    appendPath: '/track',
  });
  expect(transform({ type: 'page', userId: 'u-7' })).toBeUndefined();
  expect(transform({ type: 'identify' })).toBeUndefined();
});
