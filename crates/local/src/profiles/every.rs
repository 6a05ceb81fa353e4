//! Every user once: for what is computed over all of them at a time.

use muster_kernel::model::profile::ProfileView;
use muster_kernel::ports::{ProfileKind, StoreError};

use super::lists::View;
use super::store::stored_view;

impl View<'_> {
    /// Shows every user's id and profile. Those that have fresh changes are shown a second time, with these in it; the
    /// last time is the one that counts.
    ///
    /// # Errors
    /// When reading fails, or `see` answers an error.
    pub fn every_user(
        &self,
        mut see: impl FnMut(&str, ProfileView<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.store.snapshot().each(ProfileKind::User, &mut |id, value| see(id, stored_view(value)?))?;
        let mut fresh: Vec<String> = Vec::new();
        for generation in self.fresh.each() {
            generation.visit(ProfileKind::User, |id, _| fresh.push(id.to_owned()));
        }
        for id in fresh {
            if let Some(profile) = self.get(ProfileKind::User, &id)? {
                see(&id, profile.view())?;
            }
        }
        Ok(())
    }
}
