//! The people: who they are, how far they came along the funnel, how often they come and when they stop.

use fastrand::Rng;
use serde_json::{Value, json};

use crate::awkward;
use crate::calendar::{DAY, HOUR, MINUTE, Moment, working_time};
use crate::chance::{Purpose, happens, pick, pick_early, stream, whole};
use crate::company::{Company, Plan};
use crate::vocabulary::{DEVICES, JOBS};

/// The steps of the funnel, in order, with the share of those who took the step before, and within how long.
pub const FUNNEL: [(&str, f64, i64); 5] = [
    ("signed_up", 1.0, 0),
    ("onboarding_started", 0.82, 20 * HOUR),
    ("project_created", 0.66, 3 * DAY),
    ("teammate_invited", 0.48, 8 * DAY),
    ("upgraded", 0.5, 20 * DAY),
];

/// The number of the funnel's last step.
pub const UPGRADED: usize = FUNNEL.len() - 1;

/// A user.
#[derive(Debug)]
pub struct Person {
    /// Number, from 0.
    pub number: usize,
    /// `user_id`: text, and for one person a number.
    pub id: Value,
    /// The company's number.
    pub company: usize,
    /// Full name.
    pub name: String,
    /// Address at the company's domain.
    pub email: String,
    /// Job title and access role.
    pub job: (&'static str, &'static str),
    /// Operating system and browser.
    pub device: (&'static str, &'static str),
    /// When the account was made.
    pub signed_up_at: Moment,
    /// The steps of [`FUNNEL`] that were taken, the first at the front. Never longer than the funnel.
    pub steps: Vec<Moment>,
    /// Chance of a visit on a weekday.
    pub daily: f64,
    /// Pages of a visit.
    pub pages: usize,
    /// When the person stops coming.
    pub leaves_at: Moment,
}

impl Person {
    /// The id as text.
    pub fn id_text(&self) -> String {
        self.id.as_str().map_or_else(|| self.id.to_string(), str::to_owned)
    }

    /// Comes nearly every day?
    pub fn is_power_user(&self) -> bool {
        self.daily > 0.8
    }

    /// All properties at a time, in the careless forms that some clients send.
    pub fn properties(&self, company: &Company, time: Moment) -> Value {
        let created_at = match self.number % 113 {
            17 => self.signed_up_at.formatted("%m/%d/%Y"),
            18 => self.signed_up_at.formatted("%Y-%m-%d"),
            _ => self.signed_up_at.text(),
        };
        let on_trial = company.plan_at(time) == Plan::Free;
        let mut properties = json!({
            "name": self.name,
            "email": self.email,
            "job_title": self.job.0,
            "role": self.job.1,
            "plan": company.plan_at(time).name(),
            "locale": company.country.locale,
            "country": company.country.name,
            "browser": self.device.1,
            "operating_system": self.device.0,
            "created_at": created_at,
            "newsletter": if self.number % 89 == 5 { json!("yes") } else { json!(self.number.is_multiple_of(3)) },
        });
        if on_trial {
            properties["trial_ends_at"] = json!(self.signed_up_at.plus(14 * DAY).formatted("%Y-%m-%d"));
        }
        awkward::add(self.number, &mut properties);
        properties
    }

    /// What is sent again with a visit now and then. Dates come in the four forms that are in use, one for each person.
    pub fn visit_properties(&self, company: &Company, time: Moment) -> Value {
        let last_login_at = match self.number % 23 {
            3 => json!(time.0 / 1000),
            4 => json!(time.0),
            5 => json!(time.formatted("%Y-%m-%d %H:%M:%S")),
            _ => json!(time.text()),
        };
        let projects = 1 + time.plus(-self.signed_up_at.0).0 / (9 * DAY);
        json!({
            "plan": company.plan_at(time).name(),
            "browser": self.device.1,
            "last_login_at": last_login_at,
            "projects_count": if self.number % 97 == 7 { json!(projects.to_string()) } else { json!(projects) },
        })
    }
}

/// The people of all companies; the first upgrade in each company moves the company to its next plan.
pub fn people(seed: u64, companies: &mut [Company], opening: Moment, now: Moment) -> Vec<Person> {
    let mut people = Vec::new();
    for company in companies.iter() {
        for place in 0..company.users {
            people.push(person(seed, people.len(), place, company, opening, now));
        }
    }
    settle_upgrades(companies, &mut people);
    people
}

fn person(seed: u64, number: usize, place: usize, company: &Company, opening: Moment, now: Moment) -> Person {
    let mut random = stream(seed, Purpose::Person, number as u64, 0);
    let names = company.country.names;
    let (given, family) = (pick(&mut random, names.given), pick(&mut random, names.family));
    let signed_up_at = signed_up_at(&mut random, place, company, now);
    let steps = steps(&mut random, signed_up_at, company.country.offset_minutes, now);
    let plan = company.plan_at(signed_up_at);
    let is_power_user = happens(&mut random, 0.08);
    let daily = if is_power_user { 0.82 + random.f64() * 0.15 } else { 0.04 + random.f64().powi(3) * 0.5 };
    // Who was there before the story opens has stayed until then.
    let stays_from = signed_up_at.max(opening);
    let stays = if is_power_user { 1000 * DAY } else { stays(&mut random, plan, steps.len()) };
    Person {
        number,
        id: awkward::id(number).unwrap_or_else(|| json!(format!("u_{:05}", number + 1))),
        company: company.number,
        name: format!("{given} {family}"),
        email: email(given, family, place, &company.domain),
        job: if place == 0 { ("Founder", "owner") } else { *pick(&mut random, &JOBS) },
        device: DEVICES[pick_early(&mut random, DEVICES.len())],
        signed_up_at,
        steps,
        daily,
        pages: if is_power_user { 6 } else { 3 },
        leaves_at: stays_from.plus(stays),
    }
}

/// Somebody who signs up right now.
pub fn newcomer(random: &mut Rng, company: &Company, now: Moment) -> Person {
    let names = company.country.names;
    let (given, family) = (pick(random, names.given), pick(random, names.family));
    Person {
        number: usize::try_from(now.0).unwrap_or_default(),
        id: json!(format!("u_{:x}", now.0)),
        company: company.number,
        name: format!("{given} {family}"),
        email: email(given, family, company.users, &company.domain),
        job: *pick(random, &JOBS),
        device: DEVICES[pick_early(random, DEVICES.len())],
        signed_up_at: now,
        steps: vec![now],
        daily: 0.3,
        pages: 3,
        leaves_at: now,
    }
}

/// The founder with the company, the others since then.
fn signed_up_at(random: &mut Rng, place: usize, company: &Company, now: Moment) -> Moment {
    if place == 0 {
        return company.created_at;
    }
    let age = (now.0 - company.created_at.0) as f64;
    let later = company.created_at.plus(whole(age * random.f64().powf(0.7)));
    working_time(random, later.day(), company.country.offset_minutes, now)
        .max(company.created_at.plus(MINUTE))
}

/// The steps of the funnel up to the first that was not taken, or is not taken yet.
fn steps(random: &mut Rng, signed_up_at: Moment, offset_minutes: i64, now: Moment) -> Vec<Moment> {
    let mut steps = vec![signed_up_at];
    let mut last = signed_up_at;
    for (_, share, within) in &FUNNEL[1..] {
        let after = random.i64(2 * MINUTE..*within).min(random.i64(2 * MINUTE..*within));
        if !happens(random, *share) {
            break;
        }
        let time = last.plus(after);
        // What takes days happens in somebody's working time.
        last = if after > 8 * HOUR {
            working_time(random, time.day(), offset_minutes, now).max(last.plus(MINUTE))
        } else {
            time
        };
        if last >= now {
            break;
        }
        steps.push(last);
    }
    steps
}

/// How long somebody keeps coming. The shape below 1 makes most leave early and the rest stay: a curve that flattens.
fn stays(random: &mut Rng, plan: Plan, steps: usize) -> i64 {
    const SHAPE: f64 = 0.7;
    let days = match plan {
        Plan::Free => 9.0,
        Plan::Starter => 35.0,
        Plan::Growth => 100.0,
        Plan::Enterprise => 300.0,
    };
    let reached = if steps < 3 { 0.4 } else { 1.0 };
    let lot = random.f64().max(1e-9);
    whole(days * reached * (-lot.ln()).powf(1.0 / SHAPE) * DAY as f64).min(1000 * DAY)
}

fn email(given: &str, family: &str, place: usize, domain: &str) -> String {
    let plain = |name: &str| -> String { name.to_lowercase().chars().filter_map(without_accent).collect() };
    let number = if place < 8 { String::new() } else { place.to_string() };
    format!("{}.{}{number}@{domain}", plain(given), plain(family))
}

fn without_accent(letter: char) -> Option<char> {
    match letter {
        'á' | 'å' | 'ä' | 'ã' => Some('a'),
        'é' | 'è' => Some('e'),
        'í' => Some('i'),
        'ó' | 'ö' | 'ø' => Some('o'),
        'ü' => Some('u'),
        'ñ' => Some('n'),
        'ß' => Some('s'),
        letter => letter.is_ascii_alphanumeric().then_some(letter),
    }
}

/// Only the first upgrade of each company counts; the others found the company upgraded already.
fn settle_upgrades(companies: &mut [Company], people: &mut [Person]) {
    let mut upgrades: Vec<(Moment, usize)> =
        people.iter().filter_map(|person| Some((*person.steps.get(UPGRADED)?, person.number))).collect();
    upgrades.sort_unstable();
    for (time, number) in upgrades {
        let company = &mut companies[people[number].company];
        let can_upgrade = company.upgraded_at.is_none() && company.plan_at(time).next().is_some();
        if can_upgrade {
            company.upgraded_at = Some(time);
        } else {
            people[number].steps.truncate(UPGRADED);
        }
    }
}

#[cfg(test)]
#[path = "person_tests.rs"]
mod tests;
