//! Raw events of the model engine that were dropped: it keeps them to fold, and shows them to nobody.

use std::collections::BTreeMap;

use muster_kernel::model::event::Event;
use muster_kernel::model::history::{AsOf, EventName};
use muster_kernel::model::id::{EnvironmentId, Position};
use muster_kernel::model::profile::Profile;
use muster_kernel::model::raw_events::{Dropped, KeptEvents, WouldDrop};
use muster_kernel::model::time::Timestamp;
use muster_kernel::ports::{Inquiry, ProfileKind, RawEvents, StoreError, StoredEvent};

use crate::model_engine::{Island, ModelEngine};
use crate::model_history::{answer, wanted};
use crate::model_segments::answer::Everybody;

impl Island {
    /// The events that are not dropped, as they may be seen.
    pub(crate) fn kept(&self) -> Vec<StoredEvent> {
        let mut shown = self.shown();
        shown.retain(|event| event.receipt.position > self.dropped_until());
        shown
    }

    fn dropped_until(&self) -> Position {
        self.dropped.map_or(Position::START, |(position, _)| position)
    }

    /// # Errors
    /// When something behind `after` was dropped.
    pub(crate) fn check_kept(&self, after: Position) -> Result<(), StoreError> {
        match self.dropped {
            Some((until, since)) if after < until => Err(StoreError::Dropped { until, since }),
            _ => Ok(()),
        }
    }

    /// See `History::as_of`.
    pub(crate) fn as_of(
        &self,
        subject: (ProfileKind, &str),
        at: AsOf,
    ) -> Result<Option<Profile>, StoreError> {
        let shown = self.shown();
        if let Some((until, since)) = self.dropped {
            let dropped: Vec<StoredEvent> =
                shown.iter().filter(|event| event.receipt.position <= until).cloned().collect();
            let now = AsOf { time: Timestamp(i64::MAX), known_at: Timestamp(i64::MAX) };
            let base = answer::as_of(&dropped, subject, now);
            let latest =
                base.and_then(|profile| profile.view().latest_at()).filter(|at_most| *at_most > at.time);
            if at.time < since || at.known_at < since {
                return Err(StoreError::Dropped { until, since });
            }
            if let Some(since) = latest {
                return Err(StoreError::Dropped { until, since });
            }
        }
        Ok(answer::as_of(&shown, subject, at))
    }

    /// # Errors
    /// When something that was dropped may have changed after `time`.
    pub(crate) fn check_told(&self, time: Timestamp) -> Result<(), StoreError> {
        let Some((until, since)) = self.dropped else { return Ok(()) };
        let mut dropped = self.shown();
        dropped.retain(|event| event.receipt.position <= until);
        let since = Everybody::of(&dropped).latest_at().map_or(since, |latest| latest.max(since));
        if time < since { Err(StoreError::Dropped { until, since }) } else { Ok(()) }
    }

    fn would_drop(&self, before: Timestamp) -> WouldDrop {
        let mut going = self.kept();
        going.retain(|event| event.receipt.received_at < before);
        let mut names: BTreeMap<EventName, u64> = BTreeMap::new();
        for stored in &going {
            if let Ok(event) = Event::decode(&stored.payload) {
                *names.entry(EventName::of(&event)).or_default() += 1;
            }
        }
        let mut names: Vec<(EventName, u64)> = names.into_iter().collect();
        names.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        WouldDrop {
            events: going.len() as u64,
            bytes: going.iter().map(|event| event.payload.len() as u64).sum(),
            oldest_received_at: going.first().map(|event| event.receipt.received_at),
            newest_received_at: going.last().map(|event| event.receipt.received_at),
            names,
        }
    }

    fn kept_events(&self) -> KeptEvents {
        KeptEvents {
            dropped_until: self.dropped_until(),
            known_since: self.dropped.map(|(_, since)| since),
            oldest_received_at: self.kept().first().map(|event| event.receipt.received_at),
        }
    }
}

impl RawEvents for ModelEngine {
    fn kept(&self, environment: EnvironmentId) -> Result<KeptEvents, StoreError> {
        self.with(environment, |island| Ok(island.kept_events()))
    }

    fn would_drop(
        &self,
        environment: EnvironmentId,
        before: Timestamp,
        inquiry: &Inquiry,
    ) -> Result<WouldDrop, StoreError> {
        wanted(inquiry)?;
        self.with(environment, |island| Ok(island.would_drop(before)))
    }

    fn drop_before(
        &self,
        environment: EnvironmentId,
        before: Timestamp,
        stop: &dyn Fn() -> bool,
    ) -> Result<Dropped, StoreError> {
        self.with(environment, |island| {
            if stop() {
                return Ok(Dropped::Stopped);
            }
            let last = island.events.iter().rev().find(|event| event.receipt.received_at < before);
            if let Some(receipt) = last.map(|event| event.receipt)
                && receipt.position > island.dropped_until()
            {
                island.dropped = Some((receipt.position, receipt.received_at));
            }
            Ok(Dropped::Done(island.kept_events()))
        })
    }
}
