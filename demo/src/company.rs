//! The companies: a few large ones, many small ones, and prospects without any user yet.

use std::collections::HashSet;

use fastrand::Rng;
use serde_json::{Value, json};

use crate::calendar::{DAY, Moment, working_time};
use crate::chance::{Purpose, happens, pick, stream, whole};
use crate::vocabulary::{COUNTRIES, Country, INDUSTRIES, STEMS};

/// Users for one company on average.
const USERS_EACH: usize = 20;
/// Every this many companies there is one without users.
const PROSPECT_EVERY: usize = 40;

/// What a company pays for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Plan {
    /// Nothing.
    Free,
    /// Little.
    Starter,
    /// More.
    Growth,
    /// By contract.
    Enterprise,
}

impl Plan {
    /// As the property says it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Free => "Free",
            Self::Starter => "Starter",
            Self::Growth => "Growth",
            Self::Enterprise => "Enterprise",
        }
    }

    /// The plan that an upgrade leads to.
    pub fn next(self) -> Option<Self> {
        match self {
            Self::Free => Some(Self::Starter),
            Self::Starter => Some(Self::Growth),
            Self::Growth => Some(Self::Enterprise),
            Self::Enterprise => None,
        }
    }

    /// Price of a seat for a month.
    fn seat_price(self) -> i64 {
        match self {
            Self::Free => 0,
            Self::Starter => 12,
            Self::Growth => 29,
            Self::Enterprise => 45,
        }
    }

    fn for_size(random: &mut Rng, users: usize) -> Self {
        let (free, starter, growth) = match users {
            0..=14 => (50, 88, 100),
            15..=59 => (0, 30, 85),
            _ => (0, 0, 25),
        };
        match random.u8(0..100) {
            lot if lot < free => Self::Free,
            lot if lot < starter => Self::Starter,
            lot if lot < growth => Self::Growth,
            _ => Self::Enterprise,
        }
    }
}

/// A company.
#[derive(Debug)]
pub struct Company {
    /// `company_id`
    pub id: String,
    /// Its number, from 0.
    pub number: usize,
    /// Its name.
    pub name: String,
    /// The domain of its e-mail addresses.
    pub domain: String,
    /// Where it sits.
    pub country: &'static Country,
    /// What it does.
    pub industry: &'static str,
    /// Seats it may use.
    pub seats: i64,
    /// When its account was made.
    pub created_at: Moment,
    /// How many users it has at the end.
    pub users: usize,
    /// When it moved to the next plan, if it did.
    pub upgraded_at: Option<Moment>,
    first_plan: Plan,
}

impl Company {
    /// The plan at a time.
    pub fn plan_at(&self, time: Moment) -> Plan {
        let upgraded = self.upgraded_at.filter(|upgraded| *upgraded <= time);
        upgraded.and_then(|_| self.first_plan.next()).unwrap_or(self.first_plan)
    }

    /// What it pays for a month.
    pub fn monthly_revenue(&self, plan: Plan) -> i64 {
        plan.seat_price() * self.seats
    }

    /// Its properties at a time. Some companies are kept in a careless system: numbers as text.
    pub fn properties(&self, time: Moment) -> Value {
        let plan = self.plan_at(time);
        let revenue = self.monthly_revenue(plan);
        json!({
            "name": self.name,
            "plan": plan.name(),
            "industry": self.industry,
            "country": self.country.name,
            "time_zone": self.country.time_zone,
            "domain": self.domain,
            "seats": if self.number % 41 == 1 { json!(self.seats.to_string()) } else { json!(self.seats) },
            "mrr": if self.number % 53 == 2 { json!(format!("USD {revenue}.00")) } else { json!(revenue) },
            "created_at": self.created_at.text(),
        })
    }
}

/// The companies of `users` people, made over the last two and a half years, a third of them since `opening`.
pub fn companies(seed: u64, opening: Moment, now: Moment, users: usize) -> Vec<Company> {
    let mut random = stream(seed, Purpose::Companies, 0, 0);
    let mut taken = HashSet::new();
    let sizes = sizes(&mut random, users);
    let company = |(number, users)| company(&mut random, &mut taken, number, users, opening, now);
    sizes.into_iter().enumerate().map(company).collect()
}

fn company(
    random: &mut Rng,
    taken: &mut HashSet<String>,
    number: usize,
    users: usize,
    opening: Moment,
    now: Moment,
) -> Company {
    let country = pick(random, &COUNTRIES);
    let industry = pick(random, &INDUSTRIES);
    let plain = format!("{} {}", pick(random, &STEMS), pick(random, industry.endings));
    let numbered = (2..).map(|turn| format!("{plain} {turn}"));
    let name =
        std::iter::once(plain.clone()).chain(numbered).find(|name| !taken.contains(name)).unwrap_or_default();
    taken.insert(name.clone());
    let window = now.0 - opening.0;
    let age = if happens(random, 0.35) { random.i64(0..window) } else { window + random.i64(0..800 * DAY) };
    let seats = whole(users.max(1) as f64 * (1.05 + random.f64() * 0.6)).max(2);
    Company {
        id: format!("c_{:04}", number + 1),
        number,
        domain: format!("{}.example", name.to_lowercase().replace(' ', "-")),
        name,
        country,
        industry: industry.name,
        seats,
        created_at: working_time(random, now.plus(-age).day(), country.offset_minutes, now),
        users,
        upgraded_at: None,
        first_plan: Plan::for_size(random, users),
    }
}

/// How many users each company has: by Zipf's law, in no order, and `users` together.
fn sizes(random: &mut Rng, users: usize) -> Vec<usize> {
    let count = (users / USERS_EACH).max(4);
    let prospects = count / PROSPECT_EVERY;
    let with_users = count - prospects;
    let weight = |rank: usize| 1.0 / (rank as f64 + 2.0).powf(1.05);
    let total: f64 = (0..with_users).map(weight).sum();
    let shared = users.saturating_sub(with_users) as f64;
    let share = |rank: usize| usize::try_from(whole((shared * weight(rank) / total).floor())).unwrap_or(0);
    let mut sizes: Vec<usize> = (0..with_users).map(|rank| 1 + share(rank)).collect();
    let missing = users.saturating_sub(sizes.iter().sum());
    for rank in 0..missing {
        sizes[rank % with_users] += 1;
    }
    sizes.resize(count, 0);
    random.shuffle(&mut sizes);
    sizes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some(users: usize) -> Vec<Company> {
        let now = Moment::parse("2026-11-20T15:00:00Z").unwrap();
        companies(1, now.plus(-90 * DAY), now, users)
    }

    #[test]
    fn sizes_have_a_long_tail_and_add_up() {
        let companies = some(8000);
        let mut sizes: Vec<usize> = companies.iter().map(|company| company.users).collect();
        sizes.sort_unstable_by(|one, other| other.cmp(one));
        assert_eq!((sizes.len(), sizes.iter().sum::<usize>()), (400, 8000));
        assert!(sizes[0] > 400 && sizes[200] < 15, "{sizes:?}");
        assert_eq!(sizes.iter().filter(|users| **users == 0).count(), 10, "prospects");
    }

    #[test]
    fn names_are_distinct_and_domains_nobodys() {
        let companies = some(40_000);
        let names: HashSet<&str> = companies.iter().map(|company| company.name.as_str()).collect();
        assert_eq!(names.len(), 2000);
        assert!(companies.iter().all(|company| company.domain.ends_with(".example")));
    }

    #[test]
    fn an_upgrade_changes_the_plan_from_then_on() {
        let now = Moment::parse("2026-11-20T15:00:00Z").unwrap();
        let mut company = some(50).remove(0);
        company.first_plan = Plan::Starter;
        company.upgraded_at = Some(now);
        assert_eq!([company.plan_at(now.plus(-1)), company.plan_at(now)], [Plan::Starter, Plan::Growth]);
    }
}
