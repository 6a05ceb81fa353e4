//! One export, from its first row to its last file.
//!
//! A round begins with nothing. What stops it leaves nothing that counts: the next one begins anew, of the same state of the
//! log. Rows are of the log up to the position at which the export was asked for; whoever is erased meanwhile is in no
//! file, because the files of a round that did not know of it are taken away, and another round begins. So it does when events
//! are dropped that the round has not come to: then the files begin with those that are kept.

use std::sync::Arc;

use muster_kernel::model::event::Event;
use muster_kernel::model::export::{Export, ExportKind, ExportPart};
use muster_kernel::model::id::{CompanyId, EnvironmentId, Position, UserId};
use muster_kernel::model::job::JobStatus;
use muster_kernel::model::problem::{Problem, ProblemCode};
use muster_kernel::model::profile::Profile;
use muster_kernel::model::segment::Level;
use muster_kernel::model::time::Timestamp;
use muster_kernel::ports::{CompanyQuery, ProfileKind, Refusal, StoreError, UserQuery};

use super::Inner;
use super::control::{Control, Reach};
use super::members::{MemberSet, NoMembers, Sources};
use super::parts::{Parts, Unwritten};
use super::rows::{COMPANIES, EVENTS, Rows, Take, USERS};
use crate::formats::{Cell, Table};

/// Events and bytes of payload read at a time.
const STEP_EVENTS: usize = 4_096;
const STEP_BYTES: usize = 4 << 20;
/// Profiles read at a time.
const STEP_PROFILES: usize = 500;

/// Why a round ended before its end.
enum Halt {
    /// The server stops: the export goes on at the next start.
    Stopping,
    /// Its files were taken away: begin anew.
    Anew,
    /// It ends for this reason.
    Fails(Problem),
    /// The engine failed; tried again at the next start.
    Broken(String),
}

impl From<StoreError> for Halt {
    fn from(error: StoreError) -> Self {
        match error {
            // Some of the events that are still to come are no longer kept: no file holds some of what was there before them.
            StoreError::Stopped | StoreError::Dropped { .. } => Halt::Anew,
            StoreError::Refused(Refusal::DiskFull) => {
                let message = "The server has too little free disk space for the files of this export; start it anew once there \
                               is more, or ask for less.";
                Halt::Fails(Problem::of_call(ProblemCode::DiskFull, message))
            }
            other => Halt::Broken(other.to_string()),
        }
    }
}

impl From<Unwritten> for Halt {
    fn from(error: Unwritten) -> Self {
        match error {
            Unwritten::Store(error) => error.into(),
            Unwritten::Format(error) => Halt::Broken(error.to_string()),
        }
    }
}

impl From<NoMembers> for Halt {
    fn from(none: NoMembers) -> Self {
        match none {
            NoMembers::Store(error) => error.into(),
            NoMembers::Gone => {
                let message =
                    "The segment was removed before the export came to its turn; ask for another one.";
                Halt::Fails(Problem::at("/segment_id", ProblemCode::SegmentUnknown, message))
            }
            NoMembers::TooMany => {
                let message = "The segment has more members than an export can be filtered by; export everything, or a smaller \
                               segment.";
                Halt::Fails(Problem::at("/segment_id", ProblemCode::AnswerTooLarge, message))
            }
        }
    }
}

/// Runs an export until it has ended, or the server stops.
pub(super) fn run(inner: &Inner, environment: EnvironmentId, control: &Control) {
    loop {
        let end = match round(inner, environment, control) {
            Ok(parts) => end(inner, environment, control, Ok(parts)),
            Err(Halt::Fails(problem)) => end(inner, environment, control, Err(problem)),
            Err(Halt::Anew) if inner.is_stopping() => return,
            Err(Halt::Anew) => continue,
            Err(Halt::Stopping) => return,
            Err(Halt::Broken(error)) => {
                let number = control.saved().number.0;
                tracing::error!(%environment, export = number, error, "an export failed");
                let message = "The server failed on this export; its log says why. Start it anew.";
                end(inner, environment, control, Err(Problem::of_call(ProblemCode::Internal, message)))
            }
        };
        match end {
            Ok(()) => return,
            // Erased from at the last moment.
            Err(StoreError::Stopped) => {}
            Err(error) => {
                tracing::error!(%environment, %error, "an export could not be ended; it begins anew at the next start");
                return;
            }
        }
    }
}

fn end(
    inner: &Inner,
    environment: EnvironmentId,
    control: &Control,
    outcome: Result<Vec<ExportPart>, Problem>,
) -> Result<(), StoreError> {
    let (exports, now) = (&*inner.parts.exports, inner.parts.clock.now());
    if outcome.is_err() {
        // What was written of it goes.
        control.renew(exports, environment)?;
    }
    control.change(exports, environment, |export| {
        export.ended_at = Some(now);
        match outcome {
            Ok(parts) => (export.parts, export.status) = (parts, JobStatus::Completed),
            Err(problem) => (export.reason, export.status) = (Some(problem), JobStatus::Failed),
        }
    })
}

fn round(inner: &Inner, environment: EnvironmentId, control: &Control) -> Result<Vec<ExportPart>, Halt> {
    let (exports, now) = (&*inner.parts.exports, inner.parts.clock.now());
    control.renew(exports, environment)?;
    control.change(exports, environment, |export| {
        export.status = JobStatus::Processing;
        export.started_at.get_or_insert(now);
    })?;
    check_wanted(control)?;
    let export = control.saved();
    let mut work = Work::begin(inner, environment, control, &export)?;
    match export.kind {
        ExportKind::Events => work.events()?,
        ExportKind::Users => work.users()?,
        ExportKind::Companies => work.companies()?,
    }
    Ok(work.parts.finish()?)
}

fn check_wanted(control: &Control) -> Result<(), Halt> {
    if !control.is_cancelled() {
        return Ok(());
    }
    let message = "Somebody cancelled the export; its files were removed.";
    Err(Halt::Fails(Problem::of_call(ProblemCode::JobCancelled, message)))
}

struct Work<'a> {
    inner: &'a Inner,
    environment: EnvironmentId,
    control: &'a Control,
    export: &'a Export,
    members: Option<MemberSet>,
    rows: Rows,
    parts: Parts<'a>,
    reach: Reach,
}

impl<'a> Work<'a> {
    fn begin(
        inner: &'a Inner,
        environment: EnvironmentId,
        control: &'a Control,
        export: &'a Export,
    ) -> Result<Self, Halt> {
        let parts = &inner.parts;
        let state = parts.catalog.state();
        let entry = state.environment(environment).ok_or(StoreError::NoEnvironment)?;
        let sources = Sources { catalog: &*parts.catalog, segments: &*parts.segments, lists: &*parts.lists };
        let asked =
            |segment| MemberSet::of(&sources, environment, segment, export.asked_at, &control.inquiry);
        let members = match export.filter.segment.map(asked).transpose() {
            Err(_) if inner.is_stopping() => return Err(Halt::Stopping),
            members => members?,
        };
        let table: &'static Table = match export.kind {
            ExportKind::Events => &EVENTS,
            ExportKind::Users => &USERS,
            ExportKind::Companies => &COMPANIES,
        };
        let files = Parts::new(&*parts.exports, environment, export, table, inner.settings.part_rows_max);
        let (rows, reach) = (Rows::new(&entry.app_token), Reach::default());
        Ok(Work { inner, environment, control, export, members, rows, parts: files, reach })
    }

    /// After each step: whether to go on, and how far it is.
    fn step(&mut self) -> Result<(), Halt> {
        self.control.reached(self.reach);
        if self.inner.is_stopping() {
            return Err(Halt::Stopping);
        }
        check_wanted(self.control)
    }

    /// After each row: the next file when one is full, and the state that names it.
    fn turn(&mut self) -> Result<(), Halt> {
        let Some(done) = self.parts.turn()? else { return Ok(()) };
        let done = done.to_vec();
        self.control.change(&*self.inner.parts.exports, self.environment, |export| export.parts = done)?;
        Ok(())
    }

    fn is_member(&self, user: Option<&str>, company: Option<&str>) -> bool {
        self.members.as_ref().is_none_or(|members| {
            let id = if members.level == Level::User { user } else { company };
            id.is_some_and(|id| members.has(id))
        })
    }

    /// Events up to the position of the export, in the order of the log.
    fn events(&mut self) -> Result<(), Halt> {
        let until = self.export.position;
        self.reach.all = until.0;
        let mut after = Position::START;
        while after < until {
            self.step()?;
            let log = &self.inner.parts.log;
            let events = match log.read(self.environment, after, STEP_EVENTS, STEP_BYTES) {
                // What is no longer kept is in no export.
                Err(StoreError::Dropped { until, .. }) if after == Position::START => {
                    after = until;
                    continue;
                }
                events => events?,
            };
            let Some(last) = events.last().map(|event| event.receipt.position) else { break };
            for stored in events.iter().take_while(|stored| stored.receipt.position <= until) {
                let position = stored.receipt.position;
                let event = Event::decode(&stored.payload)
                    .map_err(|_| Halt::Broken(format!("the record at {} holds no event", position.0)))?;
                let is_wanted = self.export.filter.wants(&event, stored.receipt.received_at)
                    && self.is_member(event.user_id, event.company_id);
                if is_wanted {
                    self.event(&event, stored.receipt.received_at)?;
                }
            }
            after = last;
            self.reach.done = last.min(until).0;
        }
        self.step()
    }

    fn event(&mut self, event: &Event<'_>, received_at: Timestamp) -> Result<(), Halt> {
        let (rows, parts, filter) = (&mut self.rows, &mut self.parts, &self.export.filter);
        let wants = |kind| filter.wants_kind(kind);
        self.reach.rows += put(parts, |take| rows.of_event(event, received_at, wants, take))?;
        self.turn()
    }

    /// Users by id.
    fn users(&mut self) -> Result<(), Halt> {
        let profiles = Arc::clone(&self.inner.parts.profiles);
        self.reach.all = profiles.census(self.environment, ProfileKind::User, &[])?.total;
        let mut after = None;
        loop {
            self.step()?;
            let page =
                profiles.users(self.environment, &UserQuery::default(), after.as_ref(), STEP_PROFILES)?;
            for (id, profile) in &page.items {
                self.user(id, profile)?;
            }
            self.reach.done += page.items.len() as u64;
            after = page.next;
            if after.is_none() {
                return self.step();
            }
        }
    }

    fn user(&mut self, id: &UserId, profile: &Profile) -> Result<(), Halt> {
        let (id, company) = (id.as_str(), profile.company_id());
        if !self.export.filter.wants_user(id, company) || !self.is_member(Some(id), company) {
            return Ok(());
        }
        let (rows, parts) = (&mut self.rows, &mut self.parts);
        self.reach.rows += put(parts, |take| rows.of_user(id, profile, take).map(|()| 1))?;
        self.turn()
    }

    /// Companies by id.
    fn companies(&mut self) -> Result<(), Halt> {
        let profiles = Arc::clone(&self.inner.parts.profiles);
        self.reach.all = profiles.census(self.environment, ProfileKind::Company, &[])?.total;
        let mut after = None;
        loop {
            self.step()?;
            let query = CompanyQuery::default();
            let page = profiles.companies(self.environment, &query, after.as_ref(), STEP_PROFILES)?;
            for (id, profile) in &page.items {
                self.company(id, profile)?;
            }
            self.reach.done += page.items.len() as u64;
            after = page.next;
            if after.is_none() {
                return self.step();
            }
        }
    }

    fn company(&mut self, id: &CompanyId, profile: &Profile) -> Result<(), Halt> {
        let text = id.as_str();
        if !self.export.filter.wants_company(text) || !self.is_member(None, Some(text)) {
            return Ok(());
        }
        let users = self.inner.parts.profiles.company_user_count(self.environment, id)?;
        let (rows, parts) = (&mut self.rows, &mut self.parts);
        self.reach.rows += put(parts, |take| rows.of_company(text, users, profile, take).map(|()| 1))?;
        self.turn()
    }
}

/// Lets rows be made into the files, and says what really happened when that fails.
fn put(parts: &mut Parts<'_>, make: impl FnOnce(&mut Take<'_>) -> std::io::Result<u64>) -> Result<u64, Halt> {
    let mut unwritten = None;
    let mut take = |cells: &[Cell<'_>]| {
        parts.row(cells).map_err(|error| {
            unwritten = Some(error);
            std::io::Error::other("a row was not taken")
        })
    };
    let made = make(&mut take);
    match (made, unwritten) {
        (Ok(rows), _) => Ok(rows),
        (Err(_), Some(error)) => Err(error.into()),
        (Err(error), None) => Err(Halt::Broken(error.to_string())),
    }
}
