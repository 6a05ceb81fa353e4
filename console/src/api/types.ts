/** The server's words for things, under the names the pages use. */
import type { components } from './schema';

type Schemas = components['schemas'];

export type User = Schemas['User'];
export type Company = Schemas['Company'];
export type PropertyDetail = Schemas['PropertyDetail'];
export type Environment = Schemas['Environment'];
export type KeptEvents = Schemas['KeptEvents'];
export type WouldDropEvents = Schemas['WouldDropEvents'];
export type Session = Schemas['Session'];
export type Role = Schemas['Role'];
export type Member = Schemas['Member'];
export type Invitation = Schemas['Invitation'];
export type Key = Schemas['Key'];
export type MadeKey = Schemas['KeyCreated'];
export type Scope = Schemas['Scope'];
export type OneTimeLink = Schemas['Offer'];
export type AuditEntry = Schemas['AuditEntry'];

/** A call as lists and the stream carry it: without bodies and changes. */
export type Call = Schemas['Call'];
export type CallDetail = Schemas['CallDetail'];
export type CallOutcome = Schemas['CallOutcome'];
export type Change = Schemas['CallChange'];
export type GroupedProblem = Schemas['ProblemGroup'];
export type Rate = Schemas['LiveRate'];
export type Job = Schemas['Job'];
export type JobPage = Schemas['JobPage'];
export type JobType = 'users' | 'companies' | 'import';
export type Erasure = Schemas['Erasure'];
export type Certificate = Schemas['Certificate'];
export type WouldErase = Schemas['WouldErase'];
export type Overview = Schemas['Overview'];
