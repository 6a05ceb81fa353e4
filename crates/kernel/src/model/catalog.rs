//! The catalog: environments and their API keys, the team and its newest acts. Small, synced at every change, read on
//! every call.

use serde::{Deserialize, Serialize};

use super::audit::AuditEntry;
use super::content::{ContentKind, RegisteredContent};
use super::history::{PropertyOwner, ReadableType};
use super::id::{EnvironmentId, KeyId, MemberId, SegmentId};
use super::saved::{SavedDashboard, SavedReport};
use super::segment::saved::SavedSegment;
use super::sync::DataSync;
use super::team::{Invitation, Member, Session};
use super::time::Timestamp;

/// A tenant: its own keys, data and settings; nothing crosses environments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    /// Its number; never reused.
    pub id: EnvironmentId,
    /// Its name, unique without regard to case.
    pub name: String,
    /// The public token of browser and mobile SDKs, `NX-…`. Never accepted as an API key.
    pub app_token: String,
    /// A label for where the data lives, as callers see it (`us`, `eu`, …).
    pub region: String,
    /// A directory of its own for its data; inside the data directory when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<String>,
    /// Drawn at creation and at restore; part of every position.
    pub incarnation: u32,
    /// What stands for it in the files, when a restore has drawn another one since they were begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written_as: Option<u32>,
    /// When it was created.
    pub created_at: Timestamp,
    /// Whether its data was ever begun: from then on missing data is a mistake and not a new environment.
    #[serde(default)]
    pub begun: bool,
    /// How strictly its calls are read.
    #[serde(default)]
    pub settings: EnvironmentSettings,
    /// Names of properties about people that viewers do not see the values of.
    #[serde(default = "pii_properties_default")]
    pub pii_properties: Vec<String>,
    /// What somebody said that properties are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub declared_properties: Vec<DeclaredProperty>,
    /// Where its days begin: a name of the IANA time zone database.
    #[serde(default = "time_zone_default")]
    pub time_zone: String,
    /// For how many days raw events are kept; for good when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_events_days: Option<u32>,
    /// The number that its next segment gets.
    #[serde(default)]
    pub next_segment: u32,
}

impl Environment {
    /// The incarnation that the files of the environment carry.
    pub fn written_as(&self) -> u32 {
        self.written_as.unwrap_or(self.incarnation)
    }

    /// Whether viewers do not see the values of a property. Letters of either case are the same here: better hidden than
    /// shown.
    pub fn is_pii(&self, name: &str) -> bool {
        self.pii_properties.iter().any(|hidden| hidden.eq_ignore_ascii_case(name))
    }

    /// What a property is declared to be.
    pub fn declared_type(&self, owner: PropertyOwner, name: &str) -> Option<PropertyType> {
        let found = self.declared_properties.iter().find(|known| known.owner == owner && known.name == name);
        found.map(|declared| declared.declared_type)
    }
}

/// What somebody said that a property is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeclaredProperty {
    /// Whose it is.
    pub owner: PropertyOwner,
    /// Its name.
    pub name: String,
    /// What it is.
    pub declared_type: PropertyType,
}

/// What a property is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PropertyType {
    /// Any text.
    String,
    /// A number, or a string that reads as one.
    Numeric,
    /// True or false.
    Boolean,
    /// A string that reads as a date.
    Date,
    /// An object or array, kept as its text.
    Json,
}

impl PropertyType {
    /// Its name in files and answers.
    pub fn as_str(self) -> &'static str {
        match self {
            PropertyType::String => "string",
            PropertyType::Numeric => "numeric",
            PropertyType::Boolean => "boolean",
            PropertyType::Date => "date",
            PropertyType::Json => "json",
        }
    }

    /// Whether a value that reads so is one of these; a removal always is.
    pub fn takes(self, value: ReadableType) -> bool {
        use ReadableType as R;
        match self {
            _ if value == R::Null => true,
            PropertyType::String => matches!(value, R::NumericText | R::DateText | R::Text),
            PropertyType::Numeric => matches!(value, R::Integer | R::Decimal | R::NumericText),
            PropertyType::Boolean => value == R::Boolean,
            PropertyType::Date => value == R::DateText,
            PropertyType::Json => value == R::Json,
        }
    }

    /// What a property is taken for whose values read so: what all of them are, else a string.
    pub fn inferred(values: &[ReadableType]) -> PropertyType {
        let others = [PropertyType::Numeric, PropertyType::Boolean, PropertyType::Date, PropertyType::Json];
        let has_any = values.iter().any(|value| *value != ReadableType::Null);
        let fits = |kind: &PropertyType| has_any && values.iter().all(|value| kind.takes(*value));
        others.into_iter().find(fits).unwrap_or(PropertyType::String)
    }
}

/// What is hidden from viewers until somebody says otherwise.
pub fn pii_properties_default() -> Vec<String> {
    vec!["email".to_owned(), "phone".to_owned()]
}

/// Where days begin until somebody says otherwise.
pub fn time_zone_default() -> String {
    "UTC".to_owned()
}

/// Choices that decisions.md leaves to each environment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EnvironmentSettings {
    /// A `company` without an id, also `{}`.
    pub empty_company: EmptyCompany,
    /// Objects and arrays as property values.
    pub nested_values: NestedValues,
    /// Ids such as `null` and `undefined`.
    pub junk_ids: JunkIds,
}

/// What to do with a `company` object that has no id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EmptyCompany {
    /// 400, as the seed says.
    #[default]
    Refuse,
    /// As if `company` were absent: one known client always sends `{}`.
    Ignore,
}

/// What to do with objects and arrays as property values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NestedValues {
    /// Keep their compact JSON text and warn.
    #[default]
    Keep,
    /// 400.
    Refuse,
}

/// What to do with ids that look like a variable that was never filled in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JunkIds {
    /// Take them and warn.
    #[default]
    Take,
    /// 400.
    Refuse,
}

/// What a key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Write users, companies and events.
    Ingest,
    /// Read them.
    Read,
    /// Administer the environment.
    Admin,
    /// Delete users and companies.
    Erase,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Scope; 4] = [Scope::Ingest, Scope::Read, Scope::Admin, Scope::Erase];

    /// Its name in commands, files and answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Scope::Ingest => "ingest",
            Scope::Read => "read",
            Scope::Admin => "admin",
            Scope::Erase => "erase",
        }
    }
}

/// An API key. The secret itself is never kept, only its SHA-256: keys are long and random, so a slow password hash
/// would only slow every call down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// Its number; never reused.
    pub id: KeyId,
    /// The environment that it opens.
    pub environment: EnvironmentId,
    /// What its owner calls it.
    pub name: String,
    /// SHA-256 of the secret, in hexadecimal.
    pub sha256: String,
    /// The last four characters of the secret, to recognise it by.
    pub hint: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// When it was created.
    pub created_at: Timestamp,
    /// From when on it is refused: set when it is rotated with an overlap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<Timestamp>,
    /// Calls per minute; no limit when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calls_per_minute_max: Option<u32>,
}

impl ApiKey {
    /// Whether the key opens its environment at `now`.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }

    /// Whether the key may do what `scope` names.
    pub fn may(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }
}

/// Everything in the catalog.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatalogState {
    /// The number that the next environment gets.
    pub next_environment: u32,
    /// The number that the next key gets.
    pub next_key: u32,
    /// All environments, by number.
    pub environments: Vec<Environment>,
    /// All keys, by number, revoked ones included.
    pub keys: Vec<ApiKey>,
    /// The number that the next member gets.
    #[serde(default)]
    pub next_member: u32,
    /// The number that the next invitation gets.
    #[serde(default)]
    pub next_invitation: u32,
    /// The number that the next audit entry gets.
    #[serde(default)]
    pub next_audit: u64,
    /// Who may sign in, by number.
    #[serde(default)]
    pub members: Vec<Member>,
    /// One-time links that were not used yet, by number.
    #[serde(default)]
    pub invitations: Vec<Invitation>,
    /// Who is signed in, in the order of signing in.
    #[serde(default)]
    pub sessions: Vec<Session>,
    /// The newest acts, oldest first; older ones are kept in the audit trail.
    #[serde(default)]
    pub audit: Vec<AuditEntry>,
    /// The newest backups, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub backups: Vec<BackupNote>,
    /// The saved segments of all environments, in the order in which they were made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub segments: Vec<SavedSegment>,
    /// The number that the next saved report gets.
    #[serde(default)]
    pub next_report: u32,
    /// The saved reports of all environments, in the order in which they were made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reports: Vec<SavedReport>,
    /// The number that the next dashboard gets.
    #[serde(default)]
    pub next_dashboard: u32,
    /// The dashboards of all environments, in the order in which they were made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dashboards: Vec<SavedDashboard>,
    /// The content catalogues of all environments.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contents: Vec<RegisteredContent>,
    /// The number that the next data sync gets.
    #[serde(default)]
    pub next_sync: u32,
    /// The data syncs of the environments that have one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub syncs: Vec<DataSync>,
}

/// That a backup was made, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupNote {
    /// When it was begun: what was erased later is in it.
    pub made_at: Timestamp,
    /// Its directory, on the server's machine.
    pub into: String,
}

impl CatalogState {
    /// An environment by number.
    pub fn environment(&self, id: EnvironmentId) -> Option<&Environment> {
        self.environments.iter().find(|environment| environment.id == id)
    }

    /// An environment by name, without regard to case.
    pub fn environment_named(&self, name: &str) -> Option<&Environment> {
        self.environments.iter().find(|environment| environment.name.eq_ignore_ascii_case(name))
    }

    /// A segment of an environment by number.
    pub fn segment(&self, environment: EnvironmentId, id: SegmentId) -> Option<&SavedSegment> {
        self.segments.iter().find(|segment| segment.environment == environment && segment.id == id)
    }

    /// The segments of an environment, in the order in which they were made.
    pub fn segments_of(&self, environment: EnvironmentId) -> impl Iterator<Item = &SavedSegment> {
        self.segments.iter().filter(move |segment| segment.environment == environment)
    }

    /// What an environment has of a kind of content, once something was registered.
    pub fn content(&self, environment: EnvironmentId, kind: ContentKind) -> Option<&RegisteredContent> {
        self.contents.iter().find(|known| (known.environment, known.kind) == (environment, kind))
    }

    /// The data sync of an environment, once somebody chose one.
    pub fn sync(&self, environment: EnvironmentId) -> Option<&DataSync> {
        self.syncs.iter().find(|sync| sync.environment == environment)
    }

    /// A member by number.
    pub fn member(&self, id: MemberId) -> Option<&Member> {
        self.members.iter().find(|member| member.id == id)
    }

    /// A member by e-mail address, without regard to case.
    pub fn member_with_email(&self, email: &str) -> Option<&Member> {
        let email = email.to_lowercase();
        self.members.iter().find(|member| member.email.to_lowercase() == email)
    }

    /// The session with this token's SHA-256, in hexadecimal, and its member; `None` when it is over at `now`.
    pub fn session(&self, sha256: &str, now: Timestamp) -> Option<(&Session, &Member)> {
        let session = self.sessions.iter().find(|session| session.sha256 == sha256)?;
        Some((session, self.member(session.member)?)).filter(|_| session.is_live(now))
    }
}
