//! The same story twice, and what it tells.

use std::collections::{BTreeMap, HashSet};

use serde_json::Value;

use super::*;
use crate::calendar::HOUR;

fn story(users: usize) -> Story {
    Story::new(42, Moment::parse("2026-11-20T15:00:00Z").unwrap(), users, 90)
}

fn calls(story: &Story) -> Vec<Call> {
    story.chapters().flat_map(|chapter| chapter.calls).collect()
}

/// Name and body of every event that the server takes and that says when it was; the odd ones do not.
fn events(calls: &[Call]) -> Vec<(String, Value)> {
    let taken = calls.iter().filter(|call| call.expected == Expected::Accepted && call.path == "/v1/track");
    let bodies = taken.filter_map(|call| serde_json::from_slice::<Value>(&call.body).ok());
    let timed = bodies.filter(|body| body.get("occurred_at").is_some());
    timed.map(|body| (body["event_name"].as_str().unwrap().to_owned(), body)).collect()
}

fn time(body: &Value) -> Moment {
    Moment::parse(body["occurred_at"].as_str().unwrap()).unwrap()
}

#[test]
fn the_same_seed_and_time_tell_the_same_story_and_others_another() {
    assert_eq!(calls(&story(300)), calls(&story(300)));
    let moved = Story::new(42, story(300).now.plus(HOUR), 300, 90);
    let reseeded = Story::new(43, story(300).now, 300, 90);
    let names: HashSet<String> = [story(300).name, moved.name.clone(), reseeded.name.clone()].into();
    assert_eq!(names.len(), 3);
    assert_ne!(calls(&story(300)), calls(&reseeded));
}

#[test]
fn every_body_is_json_where_it_is_meant_to_be() {
    for call in calls(&story(300)) {
        let is_object = serde_json::from_slice::<Value>(&call.body).is_ok_and(|body| body.is_object());
        let is_taken = !matches!(call.expected, Expected::Refused(..));
        let is_without = call.path.ends_with("/company") && call.body.is_empty();
        // Half of a surrogate pair is legal to the server and not to the reader used here.
        let is_odd = String::from_utf8_lossy(&call.body).contains(r"\ud83d");
        assert!(is_object || !is_taken || is_without || is_odd, "{call:?}");
    }
}

#[test]
fn everybody_and_every_company_is_told_once_as_joining() {
    let story = story(300);
    let all = calls(&story);
    let (mut people, mut companies) = (HashSet::new(), HashSet::new());
    for call in all.iter().filter(|call| call.expected == Expected::Accepted) {
        let body: Value = serde_json::from_slice(&call.body).unwrap_or_default();
        if call.path == "/v1/identify" && body["metadata"].get("locale").is_some() {
            assert!(people.insert(body["user_id"].to_string()), "{body}");
        }
        if call.path == "/v1/companies/identify" {
            companies.insert(body["company_id"].to_string());
        }
    }
    assert_eq!((people.len(), companies.len()), (300, 15));
    assert_eq!((story.people.len(), story.companies.len()), (300, 15));
}

#[test]
fn nothing_lies_ahead_and_the_last_event_is_minutes_old() {
    let story = story(300);
    let times: Vec<Moment> = events(&calls(&story)).iter().map(|(_, body)| time(body)).collect();
    assert!(times.iter().all(|time| *time < story.now && *time >= story.opening));
    let last = times.iter().max().unwrap();
    assert!(*last > story.now.plus(-10 * MINUTE), "{}", last.text());
    let first = times.iter().min().unwrap();
    assert!(*first < story.opening.plus(3 * DAY), "{}", first.text());
}

#[test]
fn weeks_have_a_rhythm_and_days_have_office_hours() {
    let story = story(1000);
    let zones: BTreeMap<&str, i64> =
        story.companies.iter().map(|company| (company.id.as_str(), company.country.offset_minutes)).collect();
    let (mut weekdays, mut weekends, mut office) = (0_usize, 0_usize, 0_usize);
    for (_, body) in events(&calls(&story)).iter().filter(|(name, _)| name == "page_viewed") {
        let local = time(body).plus(zones[body["company_id"].as_str().unwrap()] * MINUTE);
        let part = if local.day().is_weekend() { &mut weekends } else { &mut weekdays };
        *part += 1;
        let hour = local.0.rem_euclid(DAY) / HOUR;
        office += usize::from((8..18).contains(&hour));
    }
    let all = weekdays + weekends;
    assert!(weekdays / 5 > 5 * (weekends / 2), "{weekdays} on weekdays, {weekends} on weekends");
    assert!(office * 10 > all * 8, "{office} of {all} in office hours");
}

#[test]
fn the_funnel_is_told_in_order_and_leaks() {
    let mut steps: BTreeMap<String, Vec<(Moment, usize)>> = BTreeMap::new();
    let mut taken = [0; FUNNEL.len()];
    for (name, body) in events(&calls(&story(2000))) {
        if let Some(step) = FUNNEL.iter().position(|(step, ..)| *step == name) {
            taken[step] += 1;
            steps.entry(body["user_id"].to_string()).or_default().push((time(&body), step));
        }
    }
    assert!(taken.windows(2).all(|pair| pair[0] > pair[1]) && taken[UPGRADED] > 0, "{taken:?}");
    for (user, steps) in &mut steps {
        steps.sort_unstable();
        let order: Vec<usize> = steps.iter().map(|(_, step)| *step).collect();
        assert_eq!(order, (0..order.len()).collect::<Vec<_>>(), "{user}");
    }
}

#[test]
fn some_properties_come_in_more_than_one_type() {
    let mut types: BTreeMap<String, HashSet<&str>> = BTreeMap::new();
    for call in calls(&story(300)).iter().filter(|call| call.expected == Expected::Accepted) {
        let body: Value = serde_json::from_slice(&call.body).unwrap_or_default();
        for (name, value) in body["metadata"].as_object().into_iter().flatten() {
            let found = match value {
                Value::Null => "null",
                Value::Bool(_) => "boolean",
                Value::Number(_) => "number",
                Value::String(_) => "text",
                Value::Array(_) | Value::Object(_) => "nested",
            };
            types.entry(name.clone()).or_default().insert(found);
        }
    }
    let of = |name: &str| types.get(name).cloned().unwrap_or_default();
    for name in ["last_login_at", "projects_count", "seats", "mrr", "items"] {
        assert_eq!(of(name), HashSet::from(["number", "text"]), "{name}");
    }
    assert_eq!(of("newsletter"), HashSet::from(["boolean", "text"]));
    assert_eq!(of("trial_ends_at"), HashSet::from(["null", "text"]));
    assert_eq!(of("preferences"), HashSet::from(["nested"]));
}

#[test]
fn some_calls_are_repeated_and_some_refused_but_most_are_fine() {
    let all = calls(&story(300));
    let count = |holds: fn(&Expected) -> bool| all.iter().filter(|call| holds(&call.expected)).count();
    let duplicates = count(|expected| *expected == Expected::Duplicate);
    let refused = count(|expected| matches!(expected, Expected::Refused(..)));
    assert!(duplicates > 90 && refused > 90, "{duplicates} and {refused}");
    assert!((duplicates + refused) * 10 < all.len(), "of {}", all.len());
}
