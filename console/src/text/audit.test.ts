import { expect, test } from 'vitest';
import type { AuditEntry } from '../api/types.ts';
import { actorName, auditDetails, auditSentence } from './audit.ts';

const entry = (action: string, subject: string, details: Record<string, string> = {}) =>
  ({ action, subject, details }) as Pick<AuditEntry, 'action' | 'subject' | 'details'>;

test('acts are sentences', () => {
  expect(auditSentence(entry('key_created', 'Backend', { scopes: 'ingest' }))).toBe('made the key Backend');
  expect(auditSentence(entry('invitation_made', '', { role: 'viewer' }))).toBe(
    'invited whoever has the link as viewer',
  );
});

test('content is called by its kind, and its details say how much there was', () => {
  const registered = entry('content_registered', 'resource_center_modules', { items: '0 → 2' });
  expect(auditSentence(registered)).toBe('registered resource center modules');
  expect(auditDetails(registered)).toBe('items 0 → 2');
});

test('what was said about a property names whose it is', () => {
  const said = entry('property_declared', 'amount', { owner: 'event', declared_type: 'none → numeric' });
  expect(auditSentence(said)).toBe('said what the event property amount is');
  expect(auditDetails(said)).toBe('declared type none → numeric');
});

test('an act that is newer than the console is shown under its own name', () => {
  expect(auditSentence(entry('moon_landed', 'Apollo'))).toBe('moon landed Apollo');
});

test('details say what the sentence does not', () => {
  expect(auditDetails(entry('key_created', 'Backend', { key: '7', scopes: 'ingest,read' }))).toBe(
    'scopes ingest, read',
  );
  expect(auditDetails(entry('invitation_made', 'a@b.c', { role: 'viewer' }))).toBe('');
});

test('who acted without a name has one here', () => {
  expect(actorName({ kind: 'command_line', id: null, name: '' })).toBe('The command line');
  expect(actorName({ kind: 'member', id: 1, name: 'Ada' })).toBe('Ada');
});
