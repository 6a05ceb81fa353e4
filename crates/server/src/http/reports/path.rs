//! `POST /v1/reports/path`: what people did next, or before.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use muster_kernel::model::id::EnvironmentId;
use muster_kernel::model::limits::{FUNNEL_WINDOW_MICROS_MAX, PATH_BRANCHES_MAX, PATH_LEVELS_MAX};
use muster_kernel::model::report::path::{Direction, PathAnswer, PathBranch, PathNumber, PathQuestion};
use muster_kernel::model::report::{Behind, Level, Pinned, Who};
use muster_kernel::ports::{Inquiry, Reports, StoreError};

use super::object::{Object, Reading};
use super::pattern::PatternFields;
use super::people::{self, PeopleBody};
use super::question::{LevelWord, WhoFields, WindowFields};
use super::{Report, answered, unaskable};
use crate::http::caller::Read;
use crate::http::edge::Edge;
use crate::http::openapi::{EnvironmentHeader, PositionParameter, QuestionProblems};
use crate::http::questions::QuestionHeader;
use crate::http::reader::Reader;

const LEVELS_DEFAULT: usize = 5;
const BRANCHES_DEFAULT: usize = 8;

/// What did people do next, or before?
#[derive(ToSchema)]
#[schema(as = PathQuestion)]
#[expect(dead_code, reason = "describes what `read` reads")]
pub(super) struct QuestionFields {
    /// Whom it is about: `user` or `company`; `user` when absent.
    level: Option<LevelWord>,
    /// Where paths begin.
    anchor: PatternFields,
    /// `from`: what was done after it; `to`: before it. `from` when absent.
    direction: Option<DirectionWord>,
    /// From this time on, RFC 3339 or a date: when anchors happened.
    from: Option<String>,
    /// Before this time; the end of today when absent.
    to: Option<String>,
    /// Instead of `from` and `to`: so many days of the calendar, today the last; 30 when nothing is said.
    last_days: Option<u32>,
    /// Where days begin: a name of the IANA time zone database; the environment's when absent.
    zone: Option<String>,
    /// How far from its anchor an event may be, 366 days at most; 7 days when absent.
    window: Option<WindowFields>,
    /// Levels, that of the anchor among them; 5 when absent.
    #[schema(minimum = 2, maximum = 10)]
    levels: Option<u32>,
    /// Branches of a level at most, beside that of all others; 8 when absent.
    #[schema(minimum = 1, maximum = 50)]
    branches: Option<u32>,
    /// Who takes part; everybody when absent.
    who: Option<WhoFields>,
}

/// Which way paths lead.
#[derive(ToSchema)]
#[schema(as = PathDirection, rename_all = "snake_case")]
#[expect(dead_code, reason = "describes what `read` reads")]
enum DirectionWord {
    From,
    To,
}

/// A branch of a path report, and which page of the people behind it.
#[derive(ToSchema)]
#[schema(as = PathPeopleQuestion)]
#[expect(dead_code, reason = "describes what `people` reads")]
pub(super) struct PeopleFields {
    /// The report.
    question: QuestionFields,
    /// Which branch of its answer.
    number: NumberFields,
    /// `snapshot` of the answer: people agree with it as long as it is kept.
    snapshot: Option<String>,
    /// People on the page; 100 when absent, 1000 at most.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Which branch of a path report.
#[derive(ToSchema)]
#[schema(as = PathNumber)]
#[expect(dead_code, reason = "describes what `number` reads")]
struct NumberFields {
    /// The level, counted from 0.
    level: u32,
    /// The branch, in the order of the answer, counted from 0.
    branch: u32,
}

/// What people did next, or before.
#[derive(Serialize, ToSchema)]
#[schema(as = PathAnswer)]
pub(super) struct AnswerBody {
    /// By level: its branches, the one of all others last, if it is there. Levels that nobody reached are not there.
    levels: Vec<Vec<BranchBody>>,
    /// The state that this is of, for the people behind a branch; null when it is too large to be kept.
    #[schema(required = true)]
    snapshot: Option<String>,
}

/// A branch of a level.
#[derive(Serialize, ToSchema)]
#[schema(as = PathBranch)]
struct BranchBody {
    /// What was done; null for a type without names, and, together with `type`, for everything without a branch of its own.
    #[schema(required = true)]
    event: Option<String>,
    /// Its type; null for everything without a branch of its own.
    #[schema(required = true)]
    r#type: Option<&'static str>,
    /// Whose path comes through it: users, or companies.
    users: u64,
    /// Whose path ends here; never on the last level, where nobody looks further.
    ended: u64,
    /// For each branch of the next level, how many go on to it.
    next: Vec<u64>,
}

impl From<PathBranch> for BranchBody {
    fn from(branch: PathBranch) -> Self {
        let PathBranch { event, users, ended, next } = branch;
        BranchBody {
            r#type: event.as_ref().map(|event| event.kind.as_str()),
            event: event.map(|event| event.name).filter(|name| !name.is_empty()),
            users,
            ended,
            next,
        }
    }
}

impl Report for PathQuestion {
    type Answer = PathAnswer;
    type Body = AnswerBody;
    type Number = PathNumber;

    fn read(reading: &mut Reading, object: &mut Object<'_>) -> Option<Self> {
        let directions = [("from", Direction::From), ("to", Direction::To)];
        let level = reading.level(object);
        let anchor = reading.pattern_at(object, "anchor");
        let direction = reading.word(object, "direction", &directions, Some(Direction::From));
        let time = reading.time(object);
        let window = reading.window(object, FUNNEL_WINDOW_MICROS_MAX);
        let levels = reading.number(object, "levels", 2..=PATH_LEVELS_MAX, Some(LEVELS_DEFAULT));
        let branches = reading.number(object, "branches", 1..=PATH_BRANCHES_MAX, Some(BRANCHES_DEFAULT));
        let who = reading.who(object, level.unwrap_or(Level::User));
        let question = PathQuestion {
            level: level?,
            anchor: anchor?,
            direction: direction?,
            span: time?.span,
            window: window?,
            levels: levels?,
            branches_max: branches?,
            who: who?,
        };
        match question.check() {
            Ok(()) => Some(question),
            Err(_) => unaskable(reading, object, "The report is beyond a limit; ask for less."),
        }
    }

    fn number(&self, reading: &mut Reading, object: &mut Object<'_>) -> Option<PathNumber> {
        let level = reading.number(object, "level", 0..=self.levels - 1, None);
        let branch = reading.number(object, "branch", 0..=self.branches_max, None);
        Some(PathNumber { level: level?, branch: branch? })
    }

    fn who_mut(&mut self) -> &mut Who {
        &mut self.who
    }

    fn ask(
        &self,
        reports: &dyn Reports,
        environment: EnvironmentId,
        inquiry: &Inquiry,
    ) -> Result<Pinned<PathAnswer>, StoreError> {
        reports.path(environment, self, inquiry)
    }

    fn body(&self, answer: PathAnswer, snapshot: Option<String>) -> AnswerBody {
        let level = |level: Vec<PathBranch>| level.into_iter().map(BranchBody::from).collect();
        AnswerBody { levels: answer.levels.into_iter().map(level).collect(), snapshot }
    }

    fn behind<'a>(&'a self, number: &'a PathNumber) -> Behind<'a> {
        Behind::Path(self, number)
    }
}

/// Ask what people did next, or before.
#[utoipa::path(
    post,
    path = "/v1/reports/path",
    operation_id = "ask_path",
    tag = "Reports",
    params(PositionParameter, QuestionHeader, EnvironmentHeader),
    request_body = QuestionFields,
    responses((status = 200, description = "What people did", body = AnswerBody), QuestionProblems),
    security(("api_key" = ["read"]), ("session" = [])),
)]
pub(in crate::http) async fn post(
    State(edge): State<Arc<Edge>>,
    reader: Reader<Read>,
    call: Request<Body>,
) -> Response {
    let outcome = answered::<PathQuestion>(&edge, &reader, call).await;
    reader.answer(outcome)
}

/// Ask who is behind a branch of a path report.
#[utoipa::path(
    post,
    path = "/v1/reports/path/people",
    operation_id = "ask_path_people",
    tag = "Reports",
    params(PositionParameter, EnvironmentHeader),
    request_body = PeopleFields,
    responses((status = 200, description = "The people behind it", body = PeopleBody), QuestionProblems),
    security(("api_key" = ["read"]), ("session" = [])),
)]
pub(in crate::http) async fn people(
    State(edge): State<Arc<Edge>>,
    reader: Reader<Read>,
    call: Request<Body>,
) -> Response {
    let outcome = people::answered::<PathQuestion>(&edge, &reader, call).await;
    reader.answer(outcome)
}
