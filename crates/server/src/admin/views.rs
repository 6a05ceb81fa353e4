//! What administration shows: keys, environments, members and invitations, without what is secret about them.

use muster_kernel::model::catalog::{EnvironmentSettings, Scope};
use muster_kernel::model::id::{EnvironmentId, InvitationId, KeyId, MemberId};
use muster_kernel::model::team::Role;
use muster_kernel::model::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{schema, time_text};

/// A key as it is shown: without its hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Key)]
pub struct KeyView {
    /// Its number.
    #[schema(value_type = u32)]
    pub id: KeyId,
    /// The name of the environment that it opens.
    pub environment: String,
    /// What its owner calls it.
    pub name: String,
    /// The last four characters of the secret.
    pub hint: String,
    /// Whether it opens its environment now.
    pub status: KeyStatus,
    /// What it may do.
    #[schema(value_type = Vec<schema::Scope>)]
    pub scopes: Vec<Scope>,
    /// Calls per minute; no limit when absent.
    #[schema(required = true)]
    pub calls_per_minute_max: Option<u32>,
    /// When it was created.
    #[serde(with = "time_text")]
    #[schema(value_type = schema::Instant)]
    pub created_at: Timestamp,
    /// When it was last used, to the minute.
    #[serde(with = "time_text::optional")]
    #[schema(value_type = Option<schema::Instant>, required = true)]
    pub last_used_at: Option<Timestamp>,
    /// From when on it is refused.
    #[serde(with = "time_text::optional")]
    #[schema(value_type = Option<schema::Instant>, required = true)]
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    #[serde(with = "time_text::optional")]
    #[schema(value_type = Option<schema::Instant>, required = true)]
    pub revoked_at: Option<Timestamp>,
}

/// Whether a key opens its environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeyStatus {
    /// It does.
    Live,
    /// Its time is over.
    Expired,
    /// Somebody revoked it.
    Revoked,
}

/// An environment as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Environment)]
pub struct EnvironmentView {
    /// Its number.
    #[schema(value_type = u32)]
    pub id: EnvironmentId,
    /// Its name.
    pub name: String,
    /// The public token of browser and mobile SDKs.
    pub app_token: String,
    /// A label for where the data lives.
    pub region: String,
    /// The directory of its own, when it has one; shown only to who administers.
    #[schema(required = true)]
    pub directory: Option<String>,
    /// How many keys open it now.
    pub live_keys: usize,
    /// How strictly its calls are read.
    #[schema(value_type = schema::Settings)]
    pub settings: EnvironmentSettings,
    /// Names of properties about people that viewers do not see the values of.
    pub pii_properties: Vec<String>,
    /// Where its days begin, unless a question names another zone: a name of the IANA time zone database.
    #[schema(example = "Europe/Berlin")]
    pub time_zone: String,
    /// For how many days raw events are kept; for good when null.
    #[serde(default)]
    #[schema(required = true)]
    pub keep_events_days: Option<u32>,
    /// When it was created.
    #[serde(with = "time_text")]
    #[schema(value_type = schema::Instant)]
    pub created_at: Timestamp,
}

/// A member as it is shown: without the hash of the password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Member)]
pub struct MemberView {
    /// Its number.
    #[schema(value_type = u32)]
    pub id: MemberId,
    /// What the others call this person.
    pub name: String,
    /// The address to sign in with.
    pub email: String,
    /// What this person may do.
    #[schema(value_type = schema::Role)]
    pub role: Role,
    /// When the link was accepted.
    #[serde(with = "time_text")]
    #[schema(value_type = schema::Instant)]
    pub created_at: Timestamp,
    /// When this person was last here, to the hour.
    #[serde(with = "time_text::optional")]
    #[schema(value_type = Option<schema::Instant>, required = true)]
    pub last_seen_at: Option<Timestamp>,
}

/// An invitation as it is shown: without its token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Invitation)]
pub struct InvitationView {
    /// Its number.
    #[schema(value_type = u32)]
    pub id: InvitationId,
    /// The role of whoever accepts it.
    #[schema(value_type = schema::Role)]
    pub role: Role,
    /// The address that the member will have; theirs to choose when null.
    #[schema(required = true)]
    pub email: Option<String>,
    /// When it was made.
    #[serde(with = "time_text")]
    #[schema(value_type = schema::Instant)]
    pub created_at: Timestamp,
    /// From when on it opens nothing.
    #[serde(with = "time_text")]
    #[schema(value_type = schema::Instant)]
    pub expires_at: Timestamp,
    /// The name of the member who made it; null when it was none.
    #[schema(required = true)]
    pub invited_by: Option<String>,
}
