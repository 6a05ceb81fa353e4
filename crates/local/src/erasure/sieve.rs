//! Which events an erasure covers, and what it leaves of them.
//!
//! An event about an erased user leaves what it said about the company that it named, because the company is somebody
//! else: as an event about the company alone, of the same time and rank, so that the company's profile stays the same fold.
//! An event that names an erased company leaves the user, who then has none. Anything else that is covered leaves a hole.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use muster_kernel::model::erasure::Erasure;
use muster_kernel::model::event::{Event, EventDraft};
use muster_kernel::model::id::{JobNumber, Position};
use muster_kernel::ports::ProfileKind;

/// The subjects of one erasure that is not complete.
pub struct Subjects {
    /// The erasure's number.
    pub number: u32,
    /// What the ids are of.
    pub kind: ProfileKind,
    /// The ids.
    pub ids: HashSet<Box<str>>,
    jobs: HashSet<JobNumber>,
    /// The position up to which events are covered; 0 until it is known.
    begins: AtomicU64,
}

impl Subjects {
    /// Those of an erasure.
    pub fn of(erasure: &Erasure) -> Arc<Subjects> {
        Arc::new(Subjects {
            number: erasure.number.0,
            kind: erasure.kind.into(),
            ids: erasure.ids.iter().map(|id| id.as_str().into()).collect(),
            jobs: erasure.jobs.iter().copied().collect(),
            begins: AtomicU64::new(erasure.position.map_or(0, |position| position.0)),
        })
    }

    /// Those of an erasure that nobody asked for yet, as if it stood at a position.
    pub fn supposed(kind: ProfileKind, ids: &[String], position: Position) -> Subjects {
        Subjects {
            number: 0,
            kind,
            ids: ids.iter().map(|id| id.as_str().into()).collect(),
            jobs: HashSet::new(),
            begins: AtomicU64::new(position.0),
        }
    }

    /// The erasure stands at this position of the log.
    pub fn begin(&self, position: Position) {
        self.begins.store(position.0, Ordering::Release);
    }

    /// Where it stands in the log, once that is known.
    pub fn position(&self) -> Option<Position> {
        Some(Position(self.begins.load(Ordering::Acquire))).filter(|position| *position > Position::START)
    }

    /// Whether an event names one of them.
    pub fn are_named_by(&self, event: &Event<'_>) -> bool {
        let id = match self.kind {
            ProfileKind::User => event.user_id,
            ProfileKind::Company => event.company_id,
        };
        id.is_some_and(|id| self.ids.contains(id))
    }

    fn covers(&self, position: Position, job: Option<JobNumber>) -> bool {
        let Some(begins) = self.position() else { return false };
        position <= begins || job.is_some_and(|job| self.jobs.contains(&job))
    }
}

/// What is left of an event.
#[derive(Debug, PartialEq, Eq)]
pub enum Left {
    /// All of it.
    Whole,
    /// Another event, encoded, that is no longer.
    Part(Vec<u8>),
    /// Nothing.
    Nothing,
}

/// The erasures that are not complete.
#[derive(Clone, Default)]
pub struct Sieve(Vec<Arc<Subjects>>);

impl Sieve {
    /// Of these subjects.
    pub fn new(subjects: Vec<Arc<Subjects>>) -> Sieve {
        Sieve(subjects)
    }

    /// The same with one erasure more.
    #[must_use]
    pub fn with(&self, subjects: Arc<Subjects>) -> Sieve {
        Sieve(self.0.iter().cloned().chain([subjects]).collect())
    }

    /// The same without one.
    #[must_use]
    pub fn without(&self, number: u32) -> Sieve {
        Sieve(self.0.iter().filter(|subjects| subjects.number != number).cloned().collect())
    }

    /// Whether there is no erasure under way.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The numbers of those that hold: whose place in the log is known.
    pub fn begun(&self) -> Vec<u32> {
        let begun = self.0.iter().filter(|subjects| subjects.position().is_some());
        begun.map(|subjects| subjects.number).collect()
    }

    /// Each erasure.
    pub fn each(&self) -> impl Iterator<Item = &Arc<Subjects>> {
        self.0.iter()
    }

    /// Whether an id is erased, whatever the position.
    pub fn names(&self, kind: ProfileKind, id: &str) -> bool {
        self.0.iter().any(|subjects| subjects.kind == kind && subjects.ids.contains(id))
    }

    /// Whether what an event says about a subject is erased.
    pub fn covers(&self, kind: ProfileKind, id: &str, position: Position, job: Option<JobNumber>) -> bool {
        self.0.iter().any(|subjects| {
            subjects.kind == kind && subjects.ids.contains(id) && subjects.covers(position, job)
        })
    }

    /// What is left of the event at a position.
    pub fn left(&self, position: Position, event: &Event<'_>) -> Left {
        if self.0.is_empty() {
            return Left::Whole;
        }
        let is_covered = |kind, id: &str| self.covers(kind, id, position, event.job);
        let no_user = event.user_id.is_some_and(|id| is_covered(ProfileKind::User, id));
        let no_company = event.company_id.is_some_and(|id| is_covered(ProfileKind::Company, id));
        let part = match (no_user, no_company) {
            (false, false) => return Left::Whole,
            (true, false) => EventDraft::of_company_alone(event),
            (false, true) => event.user_id.map(|_| EventDraft::without_company(event)),
            (true, true) => None,
        };
        part.map_or(Left::Nothing, |draft| {
            let mut payload = Vec::new();
            draft.encode(&mut payload);
            Left::Part(payload)
        })
    }

    /// What may be seen of an encoded event.
    pub fn sift(&self, position: Position, payload: &[u8]) -> Option<Vec<u8>> {
        if self.0.is_empty() {
            return Some(payload.to_vec());
        }
        // What is no event is shown as it is: whoever reads it reports the damage.
        match Event::decode(payload).map_or(Left::Whole, |event| self.left(position, &event)) {
            Left::Whole => Some(payload.to_vec()),
            Left::Part(part) => Some(part),
            Left::Nothing => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn supposed(kind: ProfileKind, id: &str, begins: u64, jobs: &[u32]) -> Sieve {
        Sieve::new(vec![Arc::new(Subjects {
            number: 1,
            kind,
            ids: [id.into()].into(),
            jobs: jobs.iter().map(|&job| JobNumber(job)).collect(),
            begins: AtomicU64::new(begins),
        })])
    }

    fn event(user: &str, company: &str, job: Option<u32>) -> Vec<u8> {
        let job = job.map(JobNumber);
        let draft =
            EventDraft { user_id: user.into(), company_id: company.into(), job, ..EventDraft::default() };
        let mut payload = Vec::new();
        draft.encode(&mut payload);
        payload
    }

    fn left(sieve: &Sieve, position: u64, payload: &[u8]) -> Left {
        sieve.left(Position(position), &Event::decode(payload).unwrap())
    }

    #[test]
    fn an_erasure_covers_what_came_before_it_and_late_rows_of_jobs() {
        let sieve = supposed(ProfileKind::User, "u", 10, &[3]);
        assert_eq!(left(&sieve, 10, &event("u", "", None)), Left::Nothing);
        assert_eq!(left(&sieve, 11, &event("u", "", None)), Left::Whole, "a new life");
        assert_eq!(left(&sieve, 11, &event("u", "", Some(3))), Left::Nothing, "a late row");
        assert_eq!(left(&sieve, 11, &event("u", "", Some(4))), Left::Whole, "a row of a later job");
        assert_eq!(left(&sieve, 10, &event("v", "", None)), Left::Whole, "somebody else");
        let unknown = supposed(ProfileKind::User, "u", 0, &[3]);
        assert_eq!(left(&unknown, 1, &event("u", "", Some(3))), Left::Whole, "not accepted yet");
    }

    #[test]
    fn a_user_leaves_the_company_and_a_company_leaves_the_user() {
        let part = |sieve: &Sieve, payload: &[u8]| match left(sieve, 1, payload) {
            Left::Part(payload) => {
                let event = Event::decode(&payload).unwrap();
                (event.user_id.map(str::to_owned), event.company_id.map(str::to_owned), event.leaves_company)
            }
            other => panic!("{other:?}"),
        };
        let both = event("u", "c", None);
        let user = supposed(ProfileKind::User, "u", 1, &[]);
        assert_eq!(part(&user, &both), (None, Some("c".into()), false));
        let company = supposed(ProfileKind::Company, "c", 1, &[]);
        assert_eq!(part(&company, &both), (Some("u".into()), None, true));
        let neither = Sieve::new(user.each().chain(company.each()).cloned().collect());
        assert_eq!(left(&neither, 1, &both), Left::Nothing);
        assert_eq!(left(&company, 1, &event("", "c", None)), Left::Nothing);
    }
}
