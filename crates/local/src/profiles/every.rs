//! Every user, or every company: for what is computed over all of them at a time.

use muster_kernel::model::profile::ProfileView;
use muster_kernel::ports::{ProfileKind, StoreError};

use super::lists::View;
use super::store::stored_view;

impl View<'_> {
    /// Shows every id and profile of a kind. Those that have fresh changes are shown a second time, with these in it; the
    /// last time is the one that counts.
    ///
    /// # Errors
    /// When reading fails, or `see` answers an error.
    pub fn every(
        &self,
        kind: ProfileKind,
        mut see: impl FnMut(&str, ProfileView<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        // What is erased stands in the store until it is taken out: until then each is read as everybody else reads it.
        let has_erased = self.fresh.each().any(|generation| generation.has_erased());
        self.store.snapshot().each(kind, &mut |id, value| match has_erased {
            false => see(id, stored_view(value)?),
            true => self.get(kind, id)?.map_or(Ok(()), |profile| see(id, profile.view())),
        })?;
        let mut fresh: Vec<String> = Vec::new();
        for generation in self.fresh.each() {
            generation.visit(kind, |id, _| fresh.push(id.to_owned()));
        }
        for id in fresh {
            if let Some(profile) = self.get(kind, &id)? {
                see(&id, profile.view())?;
            }
        }
        Ok(())
    }
}
