//! `GET /v1/questions/{name}`: how far a question to history is, by the name that its caller gave it.
//!
//! A name means something in its environment, and as long as the process that answers the question is at it. Nothing is kept of
//! a question that has ended, and a question without a name costs nothing here.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName};
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use muster_kernel::model::id::EnvironmentId;
use muster_kernel::model::problem::{Problem, ProblemCode};
use muster_kernel::ports::Inquiry;

use super::acts;
use super::caller::Read;
use super::edge::Edge;
use super::error;
use super::openapi::{EnvironmentHeader, ReadProblems};
use super::read::{InPath, Plain, invalid};
use super::reader::Reader;

/// By which a caller names the question that it asks.
const QUESTION: HeaderName = HeaderName::from_static("muster-question");
const NAME_CHARS_MAX: usize = 64;

/// What a question that may take long takes.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "describes what `name_of` reads")]
pub(super) struct QuestionHeader {
    /// A name for the question, 1 to 64 visible ASCII characters, by which `GET /v1/questions/{name}` tells how far it is.
    #[param(rename = "Muster-Question")]
    muster_question: Option<String>,
}

/// The name that a caller gives its question.
///
/// # Errors
/// When it cannot be one.
pub(super) fn name_of(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let Some(value) = headers.get(QUESTION) else { return Ok(None) };
    let name = value.to_str().unwrap_or_default();
    let plain = name.bytes().all(|byte| byte.is_ascii_graphic());
    if plain && (1..=NAME_CHARS_MAX).contains(&name.len()) {
        return Ok(Some(name));
    }
    Err(invalid(format!("`Muster-Question` is not 1 to {NAME_CHARS_MAX} visible ASCII characters.")))
}

type Place = (EnvironmentId, Box<str>);

/// Questions that have a name, as long as they are being answered.
#[derive(Default)]
pub(super) struct Questions(Mutex<HashMap<Place, Arc<Inquiry>>>);

impl Questions {
    /// Tells of a question for as long as what this answers lives. Of two with one name the later is told of.
    pub(super) fn tell(
        self: &Arc<Self>,
        environment: EnvironmentId,
        name: &str,
        inquiry: &Arc<Inquiry>,
    ) -> Told {
        let place = (environment, Box::from(name));
        self.lock().insert(place.clone(), Arc::clone(inquiry));
        Told { questions: Arc::clone(self), place, inquiry: Arc::clone(inquiry) }
    }

    fn find(&self, environment: EnvironmentId, name: &str) -> Option<Arc<Inquiry>> {
        self.lock().get(&(environment, Box::from(name))).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Place, Arc<Inquiry>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A question that is told of.
pub(super) struct Told {
    questions: Arc<Questions>,
    place: Place,
    inquiry: Arc<Inquiry>,
}

impl Drop for Told {
    fn drop(&mut self) {
        let mut questions = self.questions.lock();
        if questions.get(&self.place).is_some_and(|told| Arc::ptr_eq(told, &self.inquiry)) {
            questions.remove(&self.place);
        }
    }
}

/// How far a question is.
#[derive(Serialize, ToSchema)]
#[schema(as = QuestionProgress)]
pub(super) struct ProgressBody {
    /// Events looked at.
    #[schema(example = 1_200_000)]
    events_done: u64,
    /// Events to be looked at in all, as far as that is known: 0 while the question waits for its turn, and more when a
    /// part of it turns out to need them.
    #[schema(example = 5_000_000)]
    events_all: u64,
}

/// Read how far a question is that was asked with `Muster-Question` and is being answered.
#[utoipa::path(
    get,
    path = "/v1/questions/{name}",
    operation_id = "read_question_progress",
    tag = "Reports",
    params(("name" = String, Path, description = "The name that the question was given"), EnvironmentHeader),
    responses(
        (status = 200, description = "How far it is", body = ProgressBody),
        (status = 404, description = "No question with this name is being answered", body = error::Envelope<'static>),
        ReadProblems,
    ),
    security(("api_key" = ["read"]), ("session" = [])),
)]
pub(super) async fn get(
    State(edge): State<Arc<Edge>>,
    reader: Reader<Read>,
    name: InPath<Plain>,
) -> Response {
    let found = name.id().and_then(|Plain(name)| {
        let inquiry = edge.shared.named_questions.find(reader.environment(), &name);
        Ok(inquiry.ok_or_else(unknown)?)
    });
    let outcome = found.and_then(|inquiry| {
        let (events_done, events_all) = inquiry.progress();
        acts::answer(error::OK, &ProgressBody { events_done, events_all })
    });
    reader.answer(outcome)
}

fn unknown() -> Problem {
    let message = "No question with this name is being answered: it has ended, or was never asked.";
    Problem::of_call(ProblemCode::QuestionUnknown, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_told_of_in_its_environment_until_it_ends_and_the_later_of_two() {
        let questions = Arc::new(Questions::default());
        let (here, there) = (EnvironmentId(1), EnvironmentId(2));
        let done = |environment| questions.find(environment, "q").map(|inquiry| inquiry.progress().0);
        let [first, second] = [1, 2].map(|events| {
            let inquiry = Arc::new(Inquiry::default());
            inquiry.advance(events);
            inquiry
        });
        let one = questions.tell(here, "q", &first);
        assert_eq!((done(here), done(there)), (Some(1), None));
        let other = questions.tell(here, "q", &second);
        assert_eq!(done(here), Some(2));
        drop(one);
        assert_eq!(done(here), Some(2), "the first takes only itself away");
        drop(other);
        assert_eq!(done(here), None);
    }
}
