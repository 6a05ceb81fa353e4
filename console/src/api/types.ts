/** The server's words for things, under the names the pages use. */
import type { components } from './schema';

type Schemas = components['schemas'];

export type User = Schemas['User'];
export type Company = Schemas['Company'];
export interface PropertyDetail {
  value: unknown;
  type: string;
  occurred_at: string;
  tied?: boolean;
}

export type Role = 'owner' | 'admin' | 'analyst' | 'viewer';
export interface Environment {
  id: number;
  name: string;
  region: string;
  app_token: string;
  pii_properties: string[];
  settings: { empty_company: string; nested_values: string; junk_ids: string };
}
export interface Session {
  member: { id: number; name: string; email: string; role: Role };
  environments: Environment[];
  public_url: string | null;
  version: string;
}
export interface Member {
  id: number;
  name: string;
  email: string;
  role: Role;
  created_at: string;
  last_seen_at: string | null;
}
export interface Invitation {
  id: number;
  role: Role;
  email: string | null;
  created_at: string;
  expires_at: string;
  invited_by: string | null;
}
export interface Key {
  id: number;
  name: string;
  hint: string;
  status: 'live' | 'expired' | 'revoked';
  scopes: string[];
  created_at: string;
  expires_at: string | null;
  revoked_at: string | null;
  last_used_at: string | null;
  calls_per_minute_max: number | null;
}
export interface CallProblem {
  details: string;
  error_code: string;
  message: string;
}
export interface CallWarning {
  pointer: string;
  code: string;
  message: string;
}
export interface Change {
  of: 'user' | 'company';
  name: string;
  before: unknown;
  after: unknown;
}
export interface Call {
  sequence: number;
  at: string;
  request_id: string;
  method: string;
  path: string;
  route: string;
  status: number;
  duration_us: number;
  key: { id: number; name: string; hint: string } | null;
  subject: { kind: 'user' | 'company' | null; id: string | null };
  event_name: string | null;
  outcome: 'stored' | 'duplicate' | 'refused' | 'read';
  position: string | null;
  errors: CallProblem[];
  warnings: CallWarning[];
  changes: Change[] | null;
  request_body: string | null;
  request_body_truncated: boolean;
  response_body: string | null;
}
export interface GroupedProblem {
  code: string;
  message: string;
  pointer: string;
  route: string;
  count: number;
  keys: { id: number; name: string }[];
  first_seen: string;
  last_seen: string;
  sample_sequence: number | null;
  remedy: string;
}
export interface Overview {
  today: {
    from: string;
    accepted: number;
    refused: number;
    new_users: number;
    active_users: number;
    hourly: { accepted: number[]; refused: number[] };
  };
  last_week: {
    accepted: number | null;
    refused: number | null;
    new_users: number | null;
    active_users: number | null;
  } | null;
  ledger: {
    received: number;
    stored: number;
    duplicate: number;
    rejected: number;
    suppressed: number;
    pending: number;
    balanced: boolean;
  };
  users_total: number;
  companies_total: number;
  first_call_at: string | null;
}
export interface AuditEntry {
  id: number;
  at: string;
  actor: { kind: 'member' | 'command_line' | 'server'; id?: number; name: string };
  action: string;
  environment?: number | null;
  subject: string;
  details: unknown;
}
