import { describe, expect, test } from 'vitest';
import { columnsOf } from './columns.ts';

const brief = (head: string) =>
  columnsOf(head)?.map(({ name, becomes, sample }) => `${name}: ${becomes} = ${sample}`);

describe('columns of a file', () => {
  test('keys, properties and what is left out are told apart', () => {
    expect(brief('event_type,user_id,metadata.plan,shoe_size\ntrack,u-1,pro,42\ntrack,u-2,,\n')).toEqual([
      'event_type: Kind of row = track',
      'user_id: User = u-1',
      'metadata.plan: Property plan = pro',
      'shoe_size: Left out = 42',
    ]);
  });

  test('a byte order mark, semicolons, quotes and line ends in them are read as the server does', () => {
    const head = '\uFEFF"event_type";" user_id ";metadata\r\n\r\n"tr""ack";"a;b\nc";"{}"\r\n';
    expect(brief(head)).toEqual([
      'event_type: Kind of row = tr"ack',
      'user_id: User = a;b\nc',
      'metadata: Properties, as JSON = {}',
    ]);
  });

  test('a header alone has columns without a field; a cut row has those that are there', () => {
    expect(brief('event_type\tuser_id')).toEqual(['event_type: Kind of row = ', 'user_id: User = ']);
    expect(brief('event_type|user_id\ntra')).toEqual(['event_type: Kind of row = tra', 'user_id: User = ']);
  });

  test('what is no table of history has none', () => {
    for (const head of [
      '',
      '\n',
      '{"event_type":"track"}',
      '[{"event_type":1}]',
      'name,age\nx,1',
      'toString,b',
    ]) {
      expect(columnsOf(head), head).toBeNull();
    }
  });

  test('a name of every object is no key', () => {
    expect(brief('event_type,constructor,metadata.')).toEqual([
      'event_type: Kind of row = ',
      'constructor: Left out = ',
      'metadata.: Left out = ',
    ]);
  });
});
