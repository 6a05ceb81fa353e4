/** Acts in words. */
import type { AuditEntry } from '../api/types.ts';
import { countOf } from './number.ts';

type Named = Pick<AuditEntry, 'action' | 'subject' | 'details'>;
type Details = Record<string, string>;

const roleOf = (details: Details) => (details.role ? ` as ${details.role}` : '');

const SENTENCES: Record<AuditEntry['action'], (subject: string, details: Details) => string> = {
  signed_in: () => 'signed in',
  sign_in_failed: (subject) => `tried to sign in as ${subject} and failed`,
  signed_out: () => 'signed out',
  signed_out_everywhere: () => 'signed out everywhere',
  owner_link_made: (subject) => `made a one-time link for ${subject}`,
  invitation_made: (subject, details) => `invited ${subject || 'whoever has the link'}${roleOf(details)}`,
  invitation_withdrawn: (subject) => `withdrew the invitation of ${subject || 'whoever had the link'}`,
  member_joined: (subject, details) => `joined with ${subject}${roleOf(details)}`,
  member_changed: (subject) => `changed the role of ${subject}`,
  member_removed: (subject) => `removed ${subject}`,
  name_changed: () => 'changed their own name',
  password_changed: (_, details) =>
    details.by === 'link' ? 'chose a new password with a one-time link' : 'changed their own password',
  environment_created: (subject) => `made the environment ${subject}`,
  environment_changed: (subject) => `changed the environment ${subject}`,
  property_declared: (subject, details) => `said what the ${details.owner ?? ''} property ${subject} is`,
  key_created: (subject, details) =>
    `made the key ${subject}${details.replaces ? ' in place of an older one' : ''}`,
  key_revoked: (subject) => `revoked the key ${subject}`,
  job_started: (subject, details) => `${details.dry_run ? 'tried' : 'sent'} the file ${subject}`,
  job_cancelled: (subject) => `cancelled the job of ${subject}`,
  export_started: (subject, details) => `started an export of ${subject} as ${details.format ?? 'files'}`,
  export_cancelled: (subject) => `cancelled an export of ${subject}`,
  backup_made: (subject) => `made a backup in ${subject}`,
  erasure_accepted: (_, details) =>
    `had ${details.companies ? countOf(Number(details.companies), 'company', 'companies') : countOf(Number(details.users), 'user')} erased`,
  segment_created: (subject) => `saved the segment ${subject}`,
  segment_changed: (subject) => `changed the segment ${subject}`,
  segment_removed: (subject) => `removed the segment ${subject}`,
  report_created: (subject) => `saved the report ${subject}`,
  report_changed: (subject) => `changed the report ${subject}`,
  report_removed: (subject) => `removed the report ${subject}`,
  dashboard_created: (subject) => `made the dashboard ${subject}`,
  dashboard_changed: (subject) => `changed the dashboard ${subject}`,
  dashboard_removed: (subject) => `removed the dashboard ${subject}`,
  data_sync_changed: (subject) => `chose that data sync is ${subject}`,
  data_sync_backfilled: (subject) => `had the days ${subject} synced`,
  content_registered: (subject) => `registered ${subject.replaceAll('_', ' ')}`,
  content_removed: (subject) => `removed all ${subject.replaceAll('_', ' ')}`,
};

/** Details that the sentence says already, or that say nothing to people. */
const SAID = new Set([
  'role',
  'key',
  'replaces',
  'by',
  'dry_run',
  'job',
  'users',
  'companies',
  'hash',
  'owner',
  'bytes',
  'report',
  'dashboard',
  'run',
  'format',
]);

export function auditSentence({ action, subject, details }: Named): string {
  const sentence = SENTENCES[action];
  // An act that a newer server knows and this console does not.
  if (sentence === undefined) return `${String(action).replaceAll('_', ' ')} ${subject}`.trim();
  return sentence(subject, details);
}

/** What changed, as the server noted it: `scopes ingest, read`. */
export function auditDetails({ action, details }: Pick<AuditEntry, 'action' | 'details'>): string {
  return Object.entries(details)
    .filter(([name]) => !SAID.has(name) || (name === 'role' && action === 'member_changed'))
    .map(([name, value]) => `${name.replaceAll('_', ' ')} ${value.replaceAll(',', ', ')}`)
    .join(' · ');
}

const ACTORS: Record<AuditEntry['actor']['kind'], string> = {
  member: 'A member',
  command_line: 'The command line',
  server: 'The server',
  anonymous: 'Somebody',
};

export function actorName(actor: AuditEntry['actor']): string {
  return actor.kind === 'member' ? actor.name || ACTORS.member : ACTORS[actor.kind];
}
