//! Users and companies as folded from the log.

use crate::model::id::{CompanyId, EnvironmentId, UserId};
use crate::model::page::{Cursor, Page};
use crate::model::profile::Profile;
use crate::model::property::Properties;

use super::error::StoreError;

/// The two kinds of profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ProfileKind {
    /// A person.
    User,
    /// A group of users.
    Company,
}

/// Which users to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserQuery {
    /// Only those whose id, e-mail or name starts with this (ids as written, the others without regard to case).
    pub search: Option<String>,
    /// Only those of this company.
    pub company: Option<CompanyId>,
    /// Names of properties that must not be searched by, in any case: nobody finds by what is hidden.
    pub unsearched: Vec<String>,
}

/// Which companies to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CompanyQuery {
    /// Only those whose id or name starts with this.
    pub search: Option<String>,
    /// As of a [`UserQuery`].
    pub unsearched: Vec<String>,
}

/// How many profiles of a kind there are, and how many of them were seen when.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// All of them.
    pub total: u64,
    /// For each span asked for, how many were first seen in it.
    pub first_seen: Vec<u64>,
    /// For each span asked for, how many were last seen in it: up to now, those that were seen in it at all.
    pub last_seen: Vec<u64>,
}

/// Laws: a profile read after an append resolved holds that event (law 1); profiles depend on the set of events
/// only, not on their order (law 3); a cursor returned by a page yields each item that existed all along exactly
/// once, whatever is written between the pages.
pub trait Profiles: Send + Sync {
    /// A user by id.
    ///
    /// # Errors
    /// When there is no such environment, or reading fails.
    fn user(&self, environment: EnvironmentId, id: &UserId) -> Result<Option<Profile>, StoreError>;

    /// A company by id.
    ///
    /// # Errors
    /// As [`Profiles::user`].
    fn company(&self, environment: EnvironmentId, id: &CompanyId) -> Result<Option<Profile>, StoreError>;

    /// How many users belong to a company.
    ///
    /// # Errors
    /// As [`Profiles::user`].
    fn company_user_count(&self, environment: EnvironmentId, id: &CompanyId) -> Result<u64, StoreError>;

    /// A page of users.
    ///
    /// # Errors
    /// As [`Profiles::user`], and when the cursor is not one of this list.
    fn users(
        &self,
        environment: EnvironmentId,
        query: &UserQuery,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<(UserId, Profile)>, StoreError>;

    /// A page of companies.
    ///
    /// # Errors
    /// As [`Profiles::users`].
    fn companies(
        &self,
        environment: EnvironmentId,
        query: &CompanyQuery,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<(CompanyId, Profile)>, StoreError>;

    /// Counts the profiles of a kind, all and by when they were seen; each span is its first and its last minute since
    /// 1970. Costs a look at each minute, never at each profile: while many changes wait to be moved, an engine may
    /// leave those of the last seconds out.
    ///
    /// # Errors
    /// As [`Profiles::user`].
    fn census(
        &self,
        environment: EnvironmentId,
        kind: ProfileKind,
        spans: &[(i64, i64)],
    ) -> Result<Census, StoreError>;

    /// How many properties a profile would remember with `added` (settled) in it, when that is more than a profile
    /// may have; `None` when it fits. Cheap for all but unusually wide profiles.
    ///
    /// # Errors
    /// As [`Profiles::user`].
    fn overflow(
        &self,
        environment: EnvironmentId,
        kind: ProfileKind,
        id: &str,
        added: &Properties,
    ) -> Result<Option<usize>, StoreError>;
}
