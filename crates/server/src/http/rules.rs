//! Rules in calls: read from either form, held against what the caller may see, and made into questions.

use std::sync::Arc;

use jiff::tz::TimeZone;
use serde_json::Value;

use muster_kernel::model::catalog::CatalogState;
use muster_kernel::model::id::{EnvironmentId, SegmentId};
use muster_kernel::model::problem::{Problem, ProblemCode};
use muster_kernel::model::segment::question::{MemberOrder, SegmentQuestion};
use muster_kernel::model::segment::saved::{SavedSegment, on_all_ways};
use muster_kernel::model::segment::{
    Condition, Definition, Definitions, Field, Level, Members, Moment, PagePart, Rule,
};
use muster_kernel::model::time::Timestamp;

use super::asking;
use super::edge::Edge;
use super::error::Refused;
use super::masking::Masking;
use super::read::{Query, invalid};
use crate::admin;

/// The rule of a body that gives it in one form or the other.
///
/// # Errors
/// Everything that is wrong with it, or that there is not just one.
pub(super) fn of_body(level: Level, rule: Option<&Value>, text: Option<&str>) -> Result<Rule, Vec<Problem>> {
    match (rule, text) {
        (Some(rule), None) => Rule::from_json(rule, level, "/rule"),
        (None, Some(text)) => of_text(level, text, "/text"),
        _ => {
            let message = "Give the rule either as `rule` (JSON) or as `text`.";
            Err(vec![Problem::of_call(ProblemCode::FieldInvalid, message)])
        }
    }
}

/// The rule that a text means.
///
/// # Errors
/// When it means none, with the column; or what a segment of this level cannot have of it.
pub(super) fn of_text(level: Level, text: &str, pointer: &str) -> Result<Rule, Vec<Problem>> {
    let rule = Rule::parse(text).map_err(|fault| {
        let message = format!("The rule cannot be read: {fault}.");
        vec![Problem::at(pointer, ProblemCode::RuleInvalid, message)]
    })?;
    let mut problems = rule.problems(level);
    // Their places are those of the JSON form, which nobody sent.
    problems.iter_mut().for_each(|problem| pointer.clone_into(&mut problem.pointer));
    if problems.is_empty() { Ok(rule) } else { Err(problems) }
}

/// The first property in a rule whose values the caller may not see.
pub(super) fn hidden<'r>(rule: &'r Rule, masking: &Masking) -> Option<&'r str> {
    let mut found = None;
    if masking.names().is_empty() {
        return None;
    }
    rule.each_condition(&mut |condition| {
        let mut look = |name: &'r str| {
            if masking.hides(name) {
                found.get_or_insert(name);
            }
        };
        match condition {
            Condition::Property(property) => match &property.field {
                Field::Named(name) => look(name),
                Field::Id | Field::FirstSeen | Field::LastSeen => {}
            },
            Condition::Event(event) => event.filters.iter().for_each(|filter| look(&filter.property)),
            Condition::Page(_) => PagePart::PROPERTIES.into_iter().for_each(look),
            Condition::Company(_) | Condition::Segment(_) => {}
        }
    });
    found
}

/// Whoever may not see a property's values may not try them out with a rule either.
///
/// # Errors
/// When the caller may not see one of those that the rule asks for.
pub(super) fn check_shown(rule: &Rule, masking: &Masking) -> Result<(), Problem> {
    hidden(rule, masking).map_or(Ok(()), |name| asking::check_shown(name, masking))
}

/// Whether a rule refers to such segments only as there are.
///
/// # Errors
/// When it does not.
pub(super) fn check_references(
    edge: &Edge,
    environment: EnvironmentId,
    level: Level,
    rule: &Rule,
) -> Result<(), Problem> {
    if rule.segments().is_empty() {
        return Ok(());
    }
    let definitions = admin::segment_definitions(&edge.parts.catalog.state(), environment);
    rule.check_references(level, None, &definitions)
}

/// The moment of a call in an environment's time zone.
///
/// # Errors
/// When the catalog lost the environment, which is a defect.
pub(super) fn moment(
    state: &CatalogState,
    environment: EnvironmentId,
    now: Timestamp,
) -> Result<Moment, Refused> {
    let Some(environment) = state.environment(environment) else {
        return Err(Refused::internal("the catalog lost an environment"));
    };
    let zone = TimeZone::get(&environment.time_zone)
        .map_err(|error| Refused::internal(format!("the time zone of an environment: {error}")))?;
    Ok(Moment { now, zone })
}

/// Asks for the members of a rule, as of now. What the rule refers to is brought along.
///
/// # Errors
/// When a list cannot be read.
pub(super) fn question(
    edge: &Edge,
    environment: EnvironmentId,
    level: Level,
    rule: Rule,
    now: Timestamp,
) -> Result<SegmentQuestion, Refused> {
    let state = edge.parts.catalog.state();
    let moment = moment(&state, environment, now)?;
    let found = on_all_ways(&rule, |id| state.segment(environment, id));
    let segments = definitions(edge, found)?;
    Ok(SegmentQuestion { level, rule, moment, looks_back: false, segments: Arc::new(segments) })
}

/// Segments as rules refer to them.
///
/// # Errors
/// When a list cannot be read.
pub(super) fn definitions<'s>(
    edge: &Edge,
    segments: impl IntoIterator<Item = &'s SavedSegment>,
) -> Result<Definitions, Refused> {
    let definition = |segment: &SavedSegment| {
        let members = match &segment.rule {
            Some(rule) => Members::Rule(rule.clone()),
            None => Members::Listed(edge.parts.lists.ids(segment.environment, segment.id)?),
        };
        Ok((segment.id, Definition { level: segment.level, members }))
    };
    segments.into_iter().map(definition).collect()
}

/// A saved segment that a path or a parameter names.
///
/// # Errors
/// When there is none.
pub(super) fn saved(
    edge: &Edge,
    environment: EnvironmentId,
    id: Option<u32>,
) -> Result<SavedSegment, Problem> {
    let state = edge.parts.catalog.state();
    let found = id.and_then(|id| state.segment(environment, SegmentId(id)));
    found.cloned().ok_or_else(admin::unknown_segment)
}

/// The order that `sort` names; by id when it is absent.
///
/// # Errors
/// When it names none.
pub(super) fn order(query: &Query) -> Result<MemberOrder, Problem> {
    match query.get("sort").as_deref() {
        None | Some("id") => Ok(MemberOrder::Id),
        Some("last_seen") => Ok(MemberOrder::LastSeen),
        Some(_) => Err(invalid("`sort` is neither `id` nor `last_seen`.".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use muster_kernel::model::catalog::{Environment, EnvironmentSettings};
    use muster_kernel::model::team::Role;

    use super::*;

    fn viewer() -> Masking {
        let environment = Environment {
            id: EnvironmentId(1),
            name: "Production".to_owned(),
            app_token: "NX-1".to_owned(),
            region: "eu".to_owned(),
            directory: None,
            incarnation: 1,
            written_as: None,
            created_at: Timestamp(0),
            begun: true,
            settings: EnvironmentSettings::default(),
            pii_properties: vec!["email".to_owned(), "url".to_owned()],
            declared_properties: Vec::new(),
            time_zone: "UTC".to_owned(),
            keep_events_days: None,
            next_segment: 0,
        };
        Masking::of(Role::Viewer, &environment)
    }

    #[test]
    fn hidden_properties_are_found_wherever_a_rule_asks_for_them() {
        for (text, name) in [
            ("plan is \"pro\" and not (seats = 5 or Email exists)", Some("Email")),
            ("company.email exists", Some("email")),
            ("did \"x\" where (email is \"a\")", Some("email")),
            ("viewed page path is \"/\"", Some("url")),
            ("plan exists and did \"x\" and company is \"c\" and $id is \"email\"", None),
        ] {
            let rule = Rule::parse(text).unwrap();
            assert_eq!(hidden(&rule, &viewer()), name, "{text}");
            assert_eq!(check_shown(&rule, &viewer()).is_err(), name.is_some(), "{text}");
            assert_eq!(hidden(&rule, &Masking::default()), None, "{text}");
        }
    }

    #[test]
    fn a_rule_is_given_in_one_form_and_problems_name_their_place() {
        let pointers = |read: Result<Rule, Vec<Problem>>| -> Vec<String> {
            read.unwrap_err().into_iter().map(|problem| problem.pointer).collect()
        };
        let json = serde_json::json!({"all": [{"condition": "company", "operator": "exists"}, {"not": 5}]});
        assert_eq!(pointers(of_body(Level::User, Some(&json), None)), ["/rule/all/1/not"]);
        assert_eq!(pointers(of_body(Level::User, None, Some("plan is"))), ["/text"]);
        assert_eq!(pointers(of_body(Level::Company, None, Some("plan exists"))), ["/text"]);
        assert_eq!(pointers(of_body(Level::User, None, None)), [""]);
        assert_eq!(pointers(of_body(Level::User, Some(&json), Some("everyone"))), [""]);
        assert!(of_body(Level::User, None, Some("plan exists")).is_ok());
    }
}
