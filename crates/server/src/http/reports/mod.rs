//! `/v1/reports`: trends, funnels, retention and paths, and the people behind each of their numbers.
//!
//! A question is read strictly ([`object`], [`question`]); each kind of report has a file with its fields, its answer and
//! its routes. An answer carries a token of the state that it is of; people asked with it agree with the answer for
//! a quarter of an hour, whatever is written meanwhile.

pub(super) mod dashboards;
pub(super) mod funnel;
mod keeping;
mod object;
pub(super) mod path;
mod pattern;
mod people;
mod question;
pub(super) mod retention;
pub(super) mod saved;
pub(super) mod trend;
mod trend_body;

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, Request};
use axum::response::Response;
use serde::Serialize;
use serde_json::Value;

use muster_kernel::model::id::EnvironmentId;
use muster_kernel::model::limits::PIN_MICROS_MAX;
use muster_kernel::model::problem::{Problem, ProblemCode};
use muster_kernel::model::report::{Behind, Pin, Pinned, Who};
use muster_kernel::model::time::Timestamp;
use muster_kernel::ports::{Inquiry, Reports, StoreError};

use super::caller::{Purpose, Read};
use super::edge::Edge;
use super::error::Refused;
use super::masking::Masking;
use super::read::{self, Head};
use super::reader::Reader;
use super::{answer, asking, body, questions, rules};
use object::{Object, Reading};

/// A kind of report: how its question is read, asked and answered.
trait Report: Sized + Send + 'static {
    /// What an engine answers.
    type Answer;
    /// What is answered over HTTP.
    type Body: Serialize;
    /// Which of its numbers people are asked for.
    type Number: Send + 'static;

    /// Reads a question.
    fn read(reading: &mut Reading, object: &mut Object<'_>) -> Option<Self>;

    /// Reads which number of the answer is meant.
    fn number(&self, reading: &mut Reading, object: &mut Object<'_>) -> Option<Self::Number>;

    /// Who takes part.
    fn who_mut(&mut self) -> &mut Who;

    /// Asks.
    fn ask(
        &self,
        reports: &dyn Reports,
        environment: EnvironmentId,
        inquiry: &Inquiry,
    ) -> Result<Pinned<Self::Answer>, StoreError>;

    /// The answer as it is sent.
    fn body(&self, answer: Self::Answer, snapshot: Option<String>) -> Self::Body;

    /// The number as an engine is asked about it.
    fn behind<'a>(&'a self, number: &'a Self::Number) -> Behind<'a>;
}

/// Answers a question.
async fn answered<R: Report>(
    edge: &Arc<Edge>,
    reader: &Reader<Read>,
    call: Request<Body>,
) -> Result<Response, Refused> {
    let (head, body) = call.into_parts();
    let head = Head::of(head);
    let reading = read::begin(edge, reader, &head).await?;
    reading.query.refuse_others(&["position"])?;
    let value = json(edge, &head.headers, body).await?;
    let (asker, now) = (Asker::of(edge, reader), reader.now());
    let mut asked = asker.reading(now)?;
    let read = asked.whole(&value, "", R::read);
    let mut report = asked.finish(read)?;
    let environment = reader.environment();
    let inquiry = Arc::<Inquiry>::default();
    let named = &edge.shared.named_questions;
    let _told = questions::name_of(&head.headers)?.map(|name| named.tell(environment, name, &inquiry));
    let bytes = asking::ask_as(edge, inquiry, move |edge, inquiry| {
        asker.complete(report.who_mut())?;
        let Pinned { answer, pin } = report.ask(&*edge.parts.reports, environment, inquiry)?;
        let body = report.body(answer, pin.map(|pin| token(pin, now)));
        serde_json::to_vec(&body).map_err(|error| Refused::internal(error.to_string()))
    })
    .await?;
    Ok(answer::found(reading.position, bytes))
}

/// Who asks, and in which environment.
#[derive(Clone)]
struct Asker {
    edge: Arc<Edge>,
    environment: EnvironmentId,
    masking: Masking,
}

impl Asker {
    fn of<P: Purpose>(edge: &Arc<Edge>, reader: &Reader<P>) -> Self {
        Asker { edge: Arc::clone(edge), environment: reader.environment(), masking: reader.masking() }
    }

    /// Begins to read a question as of a time.
    fn reading(&self, now: Timestamp) -> Result<Reading, Refused> {
        let state = self.edge.parts.catalog.state();
        let Some(environment) = state.environment(self.environment) else {
            return Err(Refused::internal("the catalog lost an environment"));
        };
        let moment = rules::moment(&state, self.environment, now)?;
        Ok(Reading::new(self.clone(), now, (moment.zone, environment.time_zone.clone())))
    }

    /// Brings what a rule refers to along, from where the question is answered: a list may have to be read.
    fn complete(&self, who: &mut Who) -> Result<(), Refused> {
        if let Some(question) = &mut who.segment {
            let (level, rule, now) = (question.level, question.rule.clone(), question.moment.now);
            *question = rules::question(&self.edge, self.environment, level, rule, now)?;
        }
        Ok(())
    }
}

/// The JSON that a body is.
async fn json(edge: &Edge, headers: &HeaderMap, sent: Body) -> Result<Value, Refused> {
    let bytes = body::read(edge, headers, sent).await?;
    let text = body::json_text(headers, &bytes);
    if text.trim_ascii().is_empty() {
        let message = "There is no body; send a JSON object.";
        return Err(Problem::of_call(ProblemCode::BodyMissing, message).into());
    }
    serde_json::from_slice(&text).map_err(|error| {
        Problem::of_call(ProblemCode::BodyNotJson, format!("The body is not JSON: {error}.")).into()
    })
}

/// What stands in an answer for the state that it is of: the engine's number for it, and the time of the question, from
/// which spans such as the last 30 days are counted.
fn token(pin: Pin, asked_at: Timestamp) -> String {
    format!("{:016x}-{:x}", pin.0, asked_at.0)
}

/// What a token stands for; `None` when it is none, or older than any that is kept.
fn pin_of(token: &str, now: Timestamp) -> Option<(Pin, Timestamp)> {
    let (pin, asked_at) = token.split_once('-')?;
    let asked_at = Timestamp(i64::from_str_radix(asked_at, 16).ok()?);
    let is_recent = asked_at <= now && now.0.saturating_sub(asked_at.0) <= PIN_MICROS_MAX;
    Some((Pin(u64::from_str_radix(pin, 16).ok()?), asked_at)).filter(|_| is_recent)
}

/// What breaks a limit that no single field does.
fn unaskable<T>(reading: &mut Reading, object: &Object<'_>, message: &str) -> Option<T> {
    reading.refuse(object.pointer(), message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reads_back_for_a_quarter_of_an_hour() {
        let (pin, at) = (Pin(u64::MAX - 3), Timestamp(1_780_000_000_000_000));
        let token = token(pin, at);
        assert_eq!(pin_of(&token, at.plus(PIN_MICROS_MAX)), Some((pin, at)));
        assert_eq!(pin_of(&token, at.plus(PIN_MICROS_MAX + 1)), None);
        assert_eq!(pin_of(&token, at.plus(-1)), None, "of a time that was not yet");
        for other in ["", "-", "x-1", "1", "1-"] {
            assert_eq!(pin_of(other, at), None, "{other}");
        }
    }
}
