/** Acts in words. What this version of the console does not know reads as the server named it. */
import type { AuditEntry } from '../api/types.ts';

type Named = Pick<AuditEntry, 'action' | 'subject'>;

const SENTENCES: Record<string, (subject: string) => string> = {};

export function auditSentence(entry: Named): string {
  const known = SENTENCES[entry.action];
  if (known) return known(entry.subject);
  return `${entry.action.replaceAll(/[._]/g, ' ')} ${entry.subject}`.trim();
}
