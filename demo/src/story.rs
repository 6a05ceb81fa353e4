//! The whole story, told day by day: who joins, what they do, and what goes wrong.
//!
//! The same seed, time, number of users and number of days tell the same story, byte for byte. Nothing here sends.

use fastrand::Rng;
use serde_json::json;

use crate::calendar::{DAY, Day, MINUTE, Moment, office_minute};
use crate::call::{Call, Expected, properties};
use crate::chance::{Purpose, happens, mix, pick, stream};
use crate::company::{Company, Plan, companies};
use crate::mishaps::with_mishaps;
use crate::person::{FUNNEL, Person, UPGRADED, newcomer, people};
use crate::visit::whole_visit;

/// How often people come from Monday to Sunday, compared to their usual.
const WEEK: [f64; 7] = [1.0, 1.08, 1.05, 1.0, 0.8, 0.06, 0.05];
/// A month between two invoices.
const MONTH: i64 = 30 * DAY;
/// One invoice in so many is sent twice with the same `event_id`.
const INVOICE_REPEATED_EVERY: i64 = 5;
/// One person in so many is there in the last hour, and one has been taken out of the company.
const RECENT_ONE_IN: usize = 150;
const DEPARTED_ONE_IN: usize = 700;

/// The product, its companies and people.
#[derive(Debug)]
pub struct Story {
    seed: u64,
    now: Moment,
    opening: Moment,
    /// The companies.
    pub companies: Vec<Company>,
    /// The people of each company follow each other, the founder first.
    pub people: Vec<Person>,
    /// Differs between stories; for what must not be the same in two of them.
    pub name: String,
}

/// What is sent before anything of the next chapter.
#[derive(Debug)]
pub struct Chapter {
    /// What it is called.
    pub title: String,
    /// In order of time.
    pub calls: Vec<Call>,
}

impl Story {
    /// A story of so many users that ends now and began so many days ago.
    pub fn new(seed: u64, now: Moment, users: usize, days: u32) -> Self {
        let opening = now.plus(-i64::from(days) * DAY);
        let mut companies = companies(seed, opening, now, users);
        let people = people(seed, &mut companies, opening, now);
        let name = [now.0.unsigned_abs(), users as u64, u64::from(days)]
            .into_iter()
            .fold(seed, |all, part| mix(all ^ part));
        Self { seed, now, opening, companies, people, name: format!("{name:016x}") }
    }

    /// First who was there before, then each day, at last the past hour.
    pub fn chapters(&self) -> impl Iterator<Item = Chapter> {
        let days = (self.opening.day().0..=self.now.day().0).map(|day| self.day(Day(day)));
        std::iter::once(self.before()).chain(days).chain(std::iter::once(self.last_hour()))
    }

    /// The company of a person.
    pub fn company_of(&self, person: &Person) -> &Company {
        &self.companies[person.company]
    }

    /// When it ends.
    pub fn now(&self) -> Moment {
        self.now
    }

    /// When the days of events begin.
    pub fn opening(&self) -> Moment {
        self.opening
    }

    /// The number that chance is drawn with.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Somebody new signs up at one of the companies.
    pub fn newcomer(&self, random: &mut Rng, at: Moment) -> [Call; 2] {
        let company = pick(random, &self.companies);
        let person = newcomer(random, company, at);
        let details = properties([("plan", json!(company.plan_at(at).name()))]);
        [self.joins(&person), Call::track(at, person.number, &person.id, &company.id, FUNNEL[0].0, details)]
    }

    /// Who still comes at a time.
    pub fn present(&self, time: Moment) -> Vec<&Person> {
        self.people.iter().filter(|person| person.leaves_at > time && person.signed_up_at < time).collect()
    }

    fn before(&self) -> Chapter {
        let companies = self.companies.iter().filter(|company| company.created_at < self.opening);
        let people = self.people.iter().filter(|person| person.signed_up_at < self.opening);
        let joined = companies.map(|company| made(company, company.created_at));
        let calls = joined.chain(people.map(|person| self.joins(person))).collect();
        self.chapter("who was there before".to_owned(), 0, calls)
    }

    fn day(&self, day: Day) -> Chapter {
        let mut calls = Vec::new();
        for company in &self.companies {
            self.happens_to(company, day, &mut calls);
        }
        for person in &self.people {
            self.steps_of(person, day, &mut calls);
            self.visits_of(person, day, &mut calls);
        }
        let date = day.begins().formatted("%Y-%m-%d");
        self.chapter(date, day.0, calls)
    }

    fn last_hour(&self) -> Chapter {
        let mut random = stream(self.seed, Purpose::Recent, 0, 0);
        let (mut present, mut calls) = (self.present(self.now), Vec::new());
        random.shuffle(&mut present);
        for person in present.into_iter().take((self.people.len() / RECENT_ONE_IN).max(5)) {
            let begin = self.now.plus(-random.i64(2 * MINUTE..60 * MINUTE));
            calls.extend(whole_visit(&mut random, person, self.company_of(person), begin, self.now));
        }
        let gone = self.people.iter().filter(|person| person.leaves_at < self.now && person.id.is_string());
        for person in gone.filter(|person| person.number % DEPARTED_ONE_IN == 20) {
            calls.push(Call::leave_company(self.now, person.number, &person.id_text()));
        }
        self.chapter("the last hour".to_owned(), i64::MAX, calls)
    }

    fn chapter(&self, title: String, number: i64, mut calls: Vec<Call>) -> Chapter {
        calls.sort_by_key(|call| call.at);
        let mut random = stream(self.seed, Purpose::Mishaps, number.unsigned_abs(), 0);
        let calls = with_mishaps(&mut random, calls, &format!("{}-{number}", self.name));
        Chapter { title, calls }
    }

    fn is_on(&self, time: Moment, day: Day) -> bool {
        time.day() == day && time >= self.opening && time < self.now
    }

    fn joins(&self, person: &Person) -> Call {
        let (company, at) = (self.company_of(person), person.signed_up_at);
        Call::identify(at, person.number, &person.id, person.properties(company, at), Some(&company.id))
    }

    fn happens_to(&self, company: &Company, day: Day, calls: &mut Vec<Call>) {
        if self.is_on(company.created_at, day) {
            calls.push(made(company, company.created_at));
        }
        if let Some(time) = company.upgraded_at.filter(|time| self.is_on(*time, day)) {
            calls.push(made(company, time));
            self.learn_of_upgrade(company, time, calls);
        }
        let months = (day.begins().0 - company.created_at.0).div_euclid(MONTH) + 1;
        let due = company.created_at.plus(months * MONTH);
        if months > 0 && self.is_on(due, day) {
            self.pays(company, months, due, calls);
        }
    }

    /// Everybody there gets the new plan; the end of the trial is removed.
    fn learn_of_upgrade(&self, company: &Company, time: Moment, calls: &mut Vec<Call>) {
        let here = self
            .people
            .iter()
            .filter(|person| person.company == company.number && person.signed_up_at < time);
        for person in here {
            let learned = json!({"plan": company.plan_at(time).name(), "trial_ends_at": null});
            calls.push(Call::identify(time, person.number, &person.id, learned, None));
        }
    }

    fn pays(&self, company: &Company, month: i64, at: Moment, calls: &mut Vec<Call>) {
        let plan = company.plan_at(at);
        let Some(founder) = self.people.iter().find(|person| person.company == company.number) else {
            return;
        };
        if plan == Plan::Free {
            return;
        }
        let amount = company.monthly_revenue(plan);
        let paid = properties([
            ("amount", if company.number % 19 == 4 { json!(format!("{amount}.00")) } else { json!(amount) }),
            ("currency", json!("USD")),
            ("plan", json!(plan.name())),
        ]);
        let event_id = format!("invoice-{}-{month}-{}", company.id, self.name);
        let call =
            Call::track_once(at, founder.number, &founder.id, &company.id, ("invoice_paid", event_id), paid);
        calls.push(call.clone());
        if (month + i64::try_from(company.number).unwrap_or(0)) % INVOICE_REPEATED_EVERY == 0 {
            calls.push(call.expecting(Expected::Duplicate));
        }
    }

    /// Joining, and the steps of the funnel for those who joined since the opening.
    fn steps_of(&self, person: &Person, day: Day, calls: &mut Vec<Call>) {
        if person.signed_up_at < self.opening {
            return;
        }
        let company = self.company_of(person);
        for (step, at) in person.steps.iter().enumerate().filter(|(_, at)| self.is_on(**at, day)) {
            if step == 0 {
                calls.push(self.joins(person));
            }
            let mut details = properties([("plan", json!(company.plan_at(*at).name()))]);
            if step == UPGRADED {
                details.insert("seats".to_owned(), json!(company.seats));
            }
            calls.push(Call::track(*at, person.number, &person.id, &company.id, FUNNEL[step].0, details));
        }
    }

    fn visits_of(&self, person: &Person, day: Day, calls: &mut Vec<Call>) {
        let mut random = stream(self.seed, Purpose::Activity, person.number as u64, day.0.unsigned_abs());
        let visits = visits_on(&mut random, person, day);
        let company = self.company_of(person);
        for _ in 0..visits {
            let minute = office_minute(&mut random);
            let begin = day.at(minute, company.country.offset_minutes).plus(random.i64(0..MINUTE));
            let is_told = begin > person.signed_up_at && begin < person.leaves_at && begin >= self.opening;
            if is_told {
                calls.extend(whole_visit(&mut random, person, company, begin, self.now));
            }
        }
    }
}

fn made(company: &Company, at: Moment) -> Call {
    Call::identify_company(at, company.number, &company.id, company.properties(at))
}

fn visits_on(random: &mut Rng, person: &Person, day: Day) -> usize {
    let comes = happens(random, person.daily * WEEK[day.weekday()]);
    usize::from(comes) + usize::from(comes && person.is_power_user() && random.bool())
}

#[cfg(test)]
#[path = "story_tests.rs"]
mod tests;
