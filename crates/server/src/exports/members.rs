//! Who belongs to the segment that an export is filtered by, as a set that holds no id: 128 bits of a keyless hash for each,
//! so that a set of millions is some megabytes and two ids never meet in practice.

use std::sync::Arc;

use jiff::tz::TimeZone;
use muster_kernel::model::id::{EnvironmentId, SegmentId};
use muster_kernel::model::limits::EXPORT_MEMBERS_MAX;
use muster_kernel::model::segment::question::{MemberOrder, SegmentQuestion};
use muster_kernel::model::segment::saved::{SavedSegment, on_all_ways};
use muster_kernel::model::segment::{Condition, Definition, Definitions, Level, Members, Moment, Rule};
use muster_kernel::model::time::Timestamp;
use muster_kernel::ports::{Catalog, Inquiry, Lists, Segments, StoreError};
use sha2::{Digest, Sha256};

/// Members asked of the engine at once.
const AT_ONCE: usize = 20_000;

/// The members of a segment.
pub(super) struct MemberSet {
    pub level: Level,
    /// Sorted.
    hashes: Vec<u128>,
}

/// Where segments are kept and answered.
pub(super) struct Sources<'a> {
    pub catalog: &'a dyn Catalog,
    pub segments: &'a dyn Segments,
    pub lists: &'a dyn Lists,
}

/// Why there is no set.
#[derive(Debug)]
pub(super) enum NoMembers {
    /// The segment was removed.
    Gone,
    /// There are more members than an export may be filtered by.
    TooMany,
    /// The engine did not answer.
    Store(StoreError),
}

impl From<StoreError> for NoMembers {
    fn from(error: StoreError) -> Self {
        NoMembers::Store(error)
    }
}

impl MemberSet {
    /// Asks who belongs to a segment at a moment.
    pub(super) fn of(
        sources: &Sources<'_>,
        environment: EnvironmentId,
        segment: SegmentId,
        now: Timestamp,
        inquiry: &Inquiry,
    ) -> Result<MemberSet, NoMembers> {
        let state = sources.catalog.state();
        let entry = state.environment(environment).ok_or(StoreError::NoEnvironment)?;
        let saved = state.segment(environment, segment).ok_or(NoMembers::Gone)?;
        let zone = TimeZone::get(&entry.time_zone)
            .map_err(|error| StoreError::Failed(format!("the time zone of an environment: {error}")))?;
        let rule = Rule::When(Condition::Segment(segment));
        let definition = |segment: &SavedSegment| {
            let members = match &segment.rule {
                Some(rule) => Members::Rule(rule.clone()),
                None => Members::Listed(sources.lists.ids(segment.environment, segment.id)?),
            };
            Ok((segment.id, Definition { level: segment.level, members }))
        };
        let found = on_all_ways(&rule, |id| state.segment(environment, id));
        let definitions: Result<Definitions, StoreError> = found.into_iter().map(definition).collect();
        let segments = Arc::new(definitions?);
        let moment = Moment { now, zone };
        let question = SegmentQuestion { level: saved.level, rule, moment, looks_back: false, segments };
        let mut hashes = Vec::new();
        let mut after = None;
        loop {
            let page = sources.segments.members(
                environment,
                &question,
                MemberOrder::Id,
                after.as_ref(),
                AT_ONCE,
                inquiry,
            )?;
            if page.total > EXPORT_MEMBERS_MAX as u64 || hashes.len() > EXPORT_MEMBERS_MAX {
                return Err(NoMembers::TooMany);
            }
            hashes.extend(page.items.iter().map(|member| hash(&member.id)));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        hashes.sort_unstable();
        Ok(MemberSet { level: question.level, hashes })
    }

    pub(super) fn has(&self, id: &str) -> bool {
        self.hashes.binary_search(&hash(id)).is_ok()
    }
}

fn hash(id: &str) -> u128 {
    let digest: [u8; 32] = Sha256::digest(id.as_bytes()).into();
    digest.first_chunk().map_or(0, |bytes| u128::from_be_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use muster_kernel::model::page::Cursor;
    use muster_kernel::model::segment::question::{Evidence, Member, MemberPage, SegmentPreview};
    use muster_kernel::model::value::OwnedValue;
    use muster_testkit::builders::{PRODUCTION, environment};
    use muster_testkit::clock::{DAY_ONE, ManualClock};
    use muster_testkit::model_engine::ModelEngine;

    use super::*;

    /// A segment with so many members, of whom it shows one.
    struct Crowd(u64);

    impl Segments for Crowd {
        fn preview(
            &self,
            _: EnvironmentId,
            _: &SegmentQuestion,
            _: usize,
            _: &Inquiry,
        ) -> Result<SegmentPreview, StoreError> {
            Err(StoreError::Stopped)
        }

        fn members(
            &self,
            _: EnvironmentId,
            _: &SegmentQuestion,
            _: MemberOrder,
            _: Option<&Cursor>,
            _: usize,
            _: &Inquiry,
        ) -> Result<MemberPage, StoreError> {
            let member = Member { id: "u".to_owned(), last_seen_at: None };
            Ok(MemberPage { total: self.0, items: vec![member], next: None })
        }

        fn evidence(
            &self,
            _: EnvironmentId,
            _: &SegmentQuestion,
            _: &str,
            _: &Inquiry,
        ) -> Result<Option<Evidence>, StoreError> {
            Ok(None)
        }

        fn values(
            &self,
            _: EnvironmentId,
            _: &SegmentQuestion,
            _: (&[&str], &[String]),
            _: &Inquiry,
        ) -> Result<Vec<Vec<Option<OwnedValue>>>, StoreError> {
            Ok(Vec::new())
        }
    }

    #[test]
    fn a_segment_of_more_than_ten_million_filters_no_export() {
        let engine = ModelEngine::new(Arc::new(ManualClock::default()));
        let segment = SavedSegment {
            environment: PRODUCTION,
            id: SegmentId(1),
            name: "Everybody".to_owned(),
            description: String::new(),
            level: Level::User,
            rule: Some(Rule::All(Vec::new())),
            version: 1,
            created_at: DAY_ONE,
            updated_at: DAY_ONE,
            created_by: None,
        };
        let changed = Catalog::change(&engine, &mut |state| {
            state.environments.push(environment(PRODUCTION));
            state.segments.push(segment.clone());
            Ok(())
        });
        assert_eq!(changed, Ok(Ok(())));
        let asked = |count: u64| {
            let sources = Sources { catalog: &engine, segments: &Crowd(count), lists: &engine };
            MemberSet::of(&sources, PRODUCTION, SegmentId(1), DAY_ONE, &Inquiry::default())
        };
        assert!(asked(10_000_000).is_ok_and(|set| set.has("u") && !set.has("v")));
        assert!(matches!(asked(10_000_001), Err(NoMembers::TooMany)));
    }
}
