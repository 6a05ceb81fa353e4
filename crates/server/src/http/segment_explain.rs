//! Why somebody is in a segment, clause by clause, and in which segments somebody is.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use muster_kernel::model::id::{CompanyId, EnvironmentId, UserId};
use muster_kernel::model::problem::Problem;
use muster_kernel::model::segment::meaning::{Explanation, Seen, Truth};
use muster_kernel::model::segment::question::{Evidence, SegmentQuestion};
use muster_kernel::model::segment::saved::SavedSegment;
use muster_kernel::model::segment::{Condition, Definitions, Level, Members, Rule};

use super::answer::{self, Instant};
use super::asking;
use super::caller::Read;
use super::companies::unknown_company;
use super::edge::Edge;
use super::error::{Envelope, Refused, id_problem};
use super::event_names::shown;
use super::masking::{MASK, Masking};
use super::openapi::{EnvironmentHeader, PastProblems, PositionParameter, ReadProblems};
use super::read::{self, Head, InPath, Query, invalid};
use super::reader::Reader;
use super::rules;
use super::segment_past::{AS_OF, SegmentAsOfParameter, SegmentsAsOfParameter, When};
use super::segments::{NameBody, NamesBody};
use super::signed_in::Numbers;
use super::users::unknown_user;

/// Whether somebody is in a segment, and why.
#[derive(Serialize, ToSchema)]
#[schema(as = SegmentExplanation)]
pub(super) struct ExplanationBody {
    /// Null when only a value that cannot be read as the type of its test decides: then nobody is a member.
    #[schema(required = true)]
    member: Option<bool>,
    /// The moment that was asked for.
    #[schema(value_type = Instant)]
    moment: Instant,
    /// The rule, clause by clause.
    explanation: NodeBody,
}

/// A clause of a rule.
#[derive(Serialize, ToSchema)]
#[schema(as = ExplanationNode)]
struct NodeBody {
    /// The clause in the text form; `•••` when it asks for a property that the caller may not see.
    #[schema(example = "plan is \"pro\"")]
    text: String,
    /// Whether it holds; null when a value cannot be read as the type of its test.
    #[schema(required = true)]
    holds: Option<bool>,
    /// The value that it looked at, the number of events that it counted, the id of the company; null where it saw nothing,
    /// or only other clauses.
    #[schema(value_type = Option<Value>, required = true)]
    seen: Option<serde_json::Value>,
    /// The clauses that it is made of, also those of a segment that it refers to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false, no_recursion)]
    members: Vec<NodeBody>,
}

/// About whom.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `subject` reads")]
pub(super) struct SubjectParameters {
    /// Of a segment of users: the user's id.
    user_id: Option<String>,
    /// Of a segment of companies: the company's id.
    company_id: Option<String>,
}

/// Say clause by clause whether somebody is in a segment.
#[utoipa::path(
    get,
    path = "/v1/segments/{id}/explain",
    operation_id = "explain_segment",
    tag = "Segments",
    params(
        ("id" = u32, Path, description = "The segment's number"),
        SubjectParameters,
        SegmentAsOfParameter,
        PositionParameter,
        EnvironmentHeader,
    ),
    responses(
        (status = 200, description = "Whether, and why", body = ExplanationBody),
        (status = 404, description = "No such segment, user or company, or none by then", body = Envelope<'static>),
        ReadProblems,
        PastProblems,
    ),
    security(("api_key" = ["read"]), ("session" = [])),
)]
pub(super) async fn get(
    State(edge): State<Arc<Edge>>,
    reader: Reader<Read>,
    Numbers([id]): Numbers<1>,
    head: Head,
) -> Response {
    let outcome = explained(&edge, &reader, id, &head).await;
    reader.answer(outcome)
}

async fn explained(
    edge: &Arc<Edge>,
    reader: &Reader<Read>,
    id: Option<u32>,
    head: &Head,
) -> Result<Response, Refused> {
    let reading = read::begin(edge, reader, head).await?;
    reading.query.refuse_others(&["user_id", "company_id", AS_OF, "position"])?;
    let (environment, masking) = (reader.environment(), reader.masking());
    let when = When::of(&reading.query, reader.now())?;
    let segment = rules::saved(edge, environment, id)?;
    let subject = subject(&reading.query, segment.level)?;
    let body = asking::ask(edge, move |edge, inquiry| {
        let question = when.question(edge, environment, segment.level, segment.membership())?;
        let evidence = edge.parts.segments.evidence(environment, &question, &subject, inquiry)?;
        let evidence = evidence.ok_or_else(|| unknown(segment.level))?;
        let told = Telling { segments: &question.segments, masking: &masking };
        let explanation = told.node(Some(&question.rule), evidence.explain(&question));
        Ok(ExplanationBody { member: explanation.holds, moment: Instant(when.moment), explanation })
    })
    .await?;
    answer::read(reading.position, &body)
}

/// Whom the call asks about.
fn subject(query: &Query, level: Level) -> Result<String, Problem> {
    let (name, other) = match level {
        Level::User => ("user_id", "company_id"),
        Level::Company => ("company_id", "user_id"),
    };
    match query.get(name) {
        Some(id) if query.get(other).is_none() => {
            UserId::parse(&id).map_err(id_problem)?;
            Ok(id.into_owned())
        }
        _ => {
            let level = level.as_str();
            Err(invalid(format!("This is a segment of level {level}: give `{name}` and nothing else.")))
        }
    }
}

fn unknown(level: Level) -> Problem {
    match level {
        Level::User => unknown_user(),
        Level::Company => unknown_company(),
    }
}

fn holds(truth: Truth) -> Option<bool> {
    match truth {
        Truth::Yes => Some(true),
        Truth::No => Some(false),
        Truth::Conflict => None,
    }
}

/// How an explanation is told to a caller.
struct Telling<'a> {
    segments: &'a Definitions,
    masking: &'a Masking,
}

impl Telling<'_> {
    /// A clause and what it is made of. `rule` is the clause itself: it has a part for each part of the explanation.
    fn node(&self, rule: Option<&Rule>, explanation: Explanation) -> NodeBody {
        let Explanation { clause, truth, seen, parts } = explanation;
        let is_hidden = rule.is_some_and(|rule| rules::hidden(rule, self.masking).is_some());
        let parts = parts.into_iter().enumerate();
        let part = |(index, part)| self.node(rule.and_then(|rule| self.part(rule, index)), part);
        NodeBody {
            members: parts.map(part).collect(),
            text: if is_hidden { MASK.to_owned() } else { clause },
            holds: holds(truth),
            seen: seen_text(seen).map(|seen| if is_hidden { MASK.into() } else { seen }),
        }
    }

    fn part<'r>(&'r self, rule: &'r Rule, index: usize) -> Option<&'r Rule> {
        match rule {
            Rule::All(rules) | Rule::Any(rules) => rules.get(index),
            Rule::Not(rule) => Some(rule),
            Rule::When(Condition::Segment(id)) => match &self.segments.get(id)?.members {
                Members::Rule(rule) => Some(rule),
                Members::Listed(_) => None,
            },
            Rule::When(_) => None,
        }
    }
}

fn seen_text(seen: Seen) -> Option<serde_json::Value> {
    match seen {
        Seen::Parts => None,
        Seen::Value(value) => value.as_ref().map(shown),
        Seen::At(at) => at.map(|at| at.to_string().into()),
        Seen::Company(company) => company.map(Into::into),
        Seen::Events { count, .. } => Some(count.into()),
    }
}

/// List the segments that a user belongs to, or belonged to at a time.
#[utoipa::path(
    get,
    path = "/v1/users/{id}/segments",
    operation_id = "list_user_segments",
    tag = "Segments",
    params(
        ("id" = String, Path, description = "The user's id, percent-encoded"),
        SegmentsAsOfParameter,
        PositionParameter,
        EnvironmentHeader,
    ),
    responses(
        (status = 200, description = "The segments", body = NamesBody),
        (status = 404, description = "No such user, or none by then", body = Envelope<'static>),
        ReadProblems,
        PastProblems,
    ),
    security(("api_key" = ["read"]), ("session" = [])),
)]
pub(super) async fn of_user(
    State(edge): State<Arc<Edge>>,
    reader: Reader<Read>,
    user: InPath<UserId>,
    head: Head,
) -> Response {
    let id = user.id().map(|id| id.as_str().to_owned());
    let outcome = segments_of(&edge, &reader, (Level::User, id), &head).await;
    reader.answer(outcome)
}

/// List the segments that a company belongs to, or belonged to at a time.
#[utoipa::path(
    get,
    path = "/v1/companies/{id}/segments",
    operation_id = "list_company_segments",
    tag = "Segments",
    params(
        ("id" = String, Path, description = "The company's id, percent-encoded"),
        SegmentsAsOfParameter,
        PositionParameter,
        EnvironmentHeader,
    ),
    responses(
        (status = 200, description = "The segments", body = NamesBody),
        (status = 404, description = "No such company, or none by then", body = Envelope<'static>),
        ReadProblems,
        PastProblems,
    ),
    security(("api_key" = ["read"]), ("session" = [])),
)]
pub(super) async fn of_company(
    State(edge): State<Arc<Edge>>,
    reader: Reader<Read>,
    company: InPath<CompanyId>,
    head: Head,
) -> Response {
    let id = company.id().map(|id| id.as_str().to_owned());
    let outcome = segments_of(&edge, &reader, (Level::Company, id), &head).await;
    reader.answer(outcome)
}

async fn segments_of(
    edge: &Arc<Edge>,
    reader: &Reader<Read>,
    (level, id): (Level, Result<String, Refused>),
    head: &Head,
) -> Result<Response, Refused> {
    let id = id?;
    let reading = read::begin(edge, reader, head).await?;
    reading.query.refuse_others(&[AS_OF, "position"])?;
    let (environment, when) = (reader.environment(), When::of(&reading.query, reader.now())?);
    let body = asking::ask(edge, move |edge, inquiry| {
        let state = edge.parts.catalog.state();
        let saved: Vec<&SavedSegment> = state.segments_of(environment).collect();
        let mut question = everything(edge, environment, level, &saved, when)?;
        let evidence = edge.parts.segments.evidence(environment, &question, &id, inquiry)?;
        let evidence = evidence.ok_or_else(|| unknown(level))?;
        Ok(names(&evidence, &mut question, &saved))
    })
    .await?;
    answer::read(reading.position, &body)
}

/// A question that knows every segment of an environment.
fn everything(
    edge: &Edge,
    environment: EnvironmentId,
    level: Level,
    saved: &[&SavedSegment],
    when: When,
) -> Result<SegmentQuestion, Refused> {
    let moment = rules::moment(&edge.parts.catalog.state(), environment, when.moment)?;
    let segments = Arc::new(rules::definitions(edge, saved.iter().copied())?);
    let looks_back = when.as_of().is_some();
    Ok(SegmentQuestion { level, rule: Rule::All(Vec::new()), moment, looks_back, segments })
}

fn names(evidence: &Evidence, question: &mut SegmentQuestion, saved: &[&SavedSegment]) -> NamesBody {
    let (mut items, mut unknown) = (Vec::new(), Vec::new());
    for segment in saved.iter().filter(|segment| segment.level == question.level) {
        question.rule = segment.membership();
        let found = if question.looks_back && question.lists().next().is_some() {
            &mut unknown
        } else if evidence.holds(question) == Truth::Yes {
            &mut items
        } else {
            continue;
        };
        found.push(NameBody { id: segment.id.0, name: segment.name.clone() });
    }
    NamesBody { items, unknown: question.looks_back.then_some(unknown) }
}
