//! One visit to the made-up product: pages that lead to each other, and what is done on them.

use fastrand::Rng;
use serde_json::{Map, Value, json};

use crate::calendar::{MINUTE, Moment, SECOND};
use crate::call::{Call, properties};
use crate::chance::{happens, pick};
use crate::company::Company;
use crate::person::Person;
use crate::vocabulary::{ORIGIN, PAGES};

/// Somebody who is there right now.
#[derive(Debug)]
pub struct Visit<'story> {
    person: &'story Person,
    company: &'story Company,
    project: usize,
    page: usize,
    came_from: Option<String>,
    pages_left: usize,
    dwells: i64,
}

impl<'story> Visit<'story> {
    /// Somebody arrives, and stays on a page for up to `dwells` milliseconds before something is done there.
    pub fn begin(random: &mut Rng, person: &'story Person, company: &'story Company, dwells: i64) -> Self {
        let project = 1 + person.company * 7 + random.usize(..7);
        let pages_left = 1 + random.usize(..person.pages);
        Self { person, company, project, page: 0, came_from: None, pages_left, dwells }
    }

    /// Has the person gone?
    pub fn is_over(&self) -> bool {
        self.pages_left == 0
    }

    /// The next page, and what is done there.
    pub fn go_on(&mut self, random: &mut Rng, at: Moment) -> Vec<Call> {
        let (person, company) = (self.person, self.company);
        let page = &PAGES[self.page];
        let url = format!("{ORIGIN}{}", page.path.replace("{n}", &self.project.to_string()));
        let mut calls = Vec::new();
        if self.came_from.is_none() && happens(random, 0.25) {
            let properties = person.visit_properties(company, at);
            calls.push(Call::identify(at, person.number, &person.id, properties, Some(&company.id)));
        }
        let mut viewed = properties([("url", json!(url)), ("title", json!(page.title))]);
        if let Some(referrer) = &self.came_from {
            viewed.insert("referrer".to_owned(), json!(referrer));
        }
        calls.push(self.track(at, "page_viewed", viewed));
        if let Some(feature) = page.feature.filter(|_| happens(random, 0.3)) {
            let count = random.u32(1..30);
            // An old client sends its numbers as text.
            let count = if person.number % 12 == 2 { json!(count.to_string()) } else { json!(count) };
            let used = properties([
                ("project", json!(self.project)),
                ("items", count),
                ("seconds", json!(f64::from(random.u32(10..900)) / 10.0)),
            ]);
            calls.push(self.track(at.plus(random.i64(0..=self.dwells)), feature, used));
        }
        self.page = *pick(random, page.next);
        self.came_from = Some(url);
        self.pages_left -= 1;
        calls
    }

    fn track(&self, at: Moment, event: &str, metadata: Map<String, Value>) -> Call {
        Call::track(at, self.person.number, &self.person.id, &self.company.id, event, metadata)
    }
}

/// A whole visit, as far as it lies before `now`.
pub fn whole_visit(
    random: &mut Rng,
    person: &Person,
    company: &Company,
    begin: Moment,
    now: Moment,
) -> Vec<Call> {
    let mut visit = Visit::begin(random, person, company, 20 * SECOND);
    let mut calls = Vec::new();
    let mut at = begin;
    while !visit.is_over() && at < now {
        calls.extend(visit.go_on(random, at));
        at = at.plus(random.i64(25 * SECOND..4 * MINUTE));
    }
    calls.retain(|call| call.at < now);
    calls
}
