/** The server's words for things, under the names the pages use. */
import type { components } from './schema';

type Schemas = components['schemas'];

export type User = Schemas['User'];
export type Company = Schemas['Company'];
export type PropertyDetail = Schemas['PropertyDetail'];
export type Environment = Schemas['Environment'];
export type Session = Schemas['Session'];
export type Role = Schemas['Role'];
export type Member = Schemas['Member'];
export type Invitation = Schemas['Invitation'];
export type Key = Schemas['Key'];
export type MadeKey = Schemas['KeyCreated'];
export type Scope = Schemas['Scope'];
export type OneTimeLink = Schemas['Offer'];
export type AuditEntry = Schemas['AuditEntry'];

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
