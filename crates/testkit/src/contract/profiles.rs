//! What `Profiles` promise.

use muster_kernel::model::event::EventDraft;
use muster_kernel::model::id::{CompanyId, EnvironmentId, UserId};
use muster_kernel::model::page::{Cursor, Page};
use muster_kernel::model::profile::Profile;
use muster_kernel::model::property::Properties;
use muster_kernel::model::time::{MINUTE, Timestamp};
use muster_kernel::model::value::Value;
use muster_kernel::ports::{Census, CompanyQuery, EventLog, ProfileKind, Profiles, StoreError, UserQuery};

use super::store;
use crate::builders::{PRODUCTION, company, identify, identify_company, joining, user};

/// Runs every promise. `settle` is called between writing and reading: an engine that moves profiles from one place
/// to another does so there, so that each promise is kept on both sides of the move.
pub fn profiles_keep_their_promises(log: &dyn EventLog, profiles: &dyn Profiles, settle: &dyn Fn()) {
    let both = Both { log, profiles, settle };
    both.an_acknowledged_event_is_in_the_next_read();
    both.the_newest_occurrence_wins_whatever_comes_first();
    both.membership_moves_ends_and_is_counted();
    both.lists_page_through_everything_once_while_it_grows();
    both.search_finds_ids_names_and_e_mails();
    both.a_profile_that_would_be_too_wide_is_told();
    both.profiles_are_counted_by_when_they_were_seen();
    both.nothing_crosses_environments();
}

struct Both<'a> {
    log: &'a dyn EventLog,
    profiles: &'a dyn Profiles,
    settle: &'a dyn Fn(),
}

fn good<T>(answer: Result<T, StoreError>) -> T {
    answer.unwrap_or_else(|error| panic!("{error}"))
}

fn at(mut draft: EventDraft, micros: i64) -> EventDraft {
    draft.occurred_at = Some(Timestamp(micros));
    draft
}

impl Both<'_> {
    fn store(&self, event: &EventDraft) {
        store(self.log, PRODUCTION, event);
    }

    fn user(&self, id: &str) -> Option<Profile> {
        good(self.profiles.user(PRODUCTION, &user(id)))
    }

    fn members(&self, id: &str) -> (Vec<String>, u64) {
        let query = UserQuery { company: Some(company(id)), ..UserQuery::default() };
        let page = good(self.profiles.users(PRODUCTION, &query, None, 1000));
        let ids = page.items.iter().map(|(id, _)| id.to_string()).collect();
        (ids, good(self.profiles.company_user_count(PRODUCTION, &company(id))))
    }

    fn an_acknowledged_event_is_in_the_next_read(&self) {
        assert_eq!(self.user("fresh"), None);
        self.store(&joining(
            identify("fresh", &[("plan", Value::Text("pro")), ("seats", Value::Int(3))]),
            "fresh co",
        ));
        for settled in [false, true] {
            let profile = self.user("fresh").unwrap_or_else(|| panic!("no such user, settled: {settled}"));
            assert_eq!(profile.property("plan"), Some(Value::Text("pro")));
            assert_eq!(profile.property("seats"), Some(Value::Int(3)));
            assert_eq!(profile.company_id(), Some("fresh co"));
            assert!(good(self.profiles.company(PRODUCTION, &company("fresh co"))).is_some());
            (self.settle)();
        }
        self.store(&identify("fresh", &[("seats", Value::Null), ("city", Value::Text("Rome"))]));
        let profile = self.user("fresh").unwrap_or_default();
        let names: Vec<_> = profile.properties().map(|property| property.name.to_owned()).collect();
        assert_eq!(names, ["city", "plan"], "merged with what was settled; null removes");
        self.store(&identify_company("fresh co", &[("tier", Value::Bool(true))]));
        let tier = good(self.profiles.company(PRODUCTION, &company("fresh co"))).unwrap_or_default();
        assert_eq!(tier.property("tier"), Some(Value::Bool(true)));
    }

    fn the_newest_occurrence_wins_whatever_comes_first(&self) {
        self.store(&at(identify("late", &[("plan", Value::Text("new"))]), 2_000));
        (self.settle)();
        self.store(&at(identify("late", &[("plan", Value::Text("old")), ("extra", Value::Int(1))]), 1_000));
        for _ in 0..2 {
            let profile = self.user("late").unwrap_or_default();
            assert_eq!(profile.property("plan"), Some(Value::Text("new")), "a back-fill never overwrites");
            assert_eq!(profile.property("extra"), Some(Value::Int(1)));
            let seen = (profile.first_seen_at(), profile.last_seen_at());
            assert_eq!(seen, (Some(Timestamp(1_000)), Some(Timestamp(2_000))));
            (self.settle)();
        }
    }

    fn membership_moves_ends_and_is_counted(&self) {
        for id in ["m1", "m2", "m3"] {
            self.store(&joining(identify(id, &[]), "old"));
        }
        let three = (vec!["m1".to_owned(), "m2".to_owned(), "m3".to_owned()], 3);
        assert_eq!(self.members("old"), three);
        (self.settle)();
        assert_eq!(self.members("old"), three);
        self.store(&joining(identify("m2", &[]), "new"));
        self.store(&EventDraft { leaves_company: true, ..identify("m3", &[]) });
        self.store(&at(joining(identify("m1", &[]), "past"), 1));
        for settled in [false, true] {
            assert_eq!(self.members("old"), (vec!["m1".to_owned()], 1), "settled: {settled}");
            assert_eq!(self.members("new"), (vec!["m2".to_owned()], 1), "settled: {settled}");
            assert_eq!(
                self.members("past"),
                (vec![], 0),
                "an older membership changes nothing, settled: {settled}"
            );
            (self.settle)();
        }
    }

    fn pages(&self, query: &UserQuery, limit: usize, between: &dyn Fn(usize)) -> Vec<String> {
        let mut ids = Vec::new();
        let mut after: Option<Cursor> = None;
        for number in 0.. {
            let page: Page<(UserId, Profile)> =
                good(self.profiles.users(PRODUCTION, query, after.as_ref(), limit));
            assert!(page.items.len() <= limit);
            ids.extend(page.items.iter().map(|(id, _)| id.to_string()));
            between(number);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        ids
    }

    fn lists_page_through_everything_once_while_it_grows(&self) {
        let ids: Vec<String> = (0..25).map(|n| format!("list-{n:02}")).collect();
        for (n, id) in ids.iter().enumerate() {
            self.store(&identify(id, &[]));
            if n == 12 {
                (self.settle)();
            }
        }
        let query = UserQuery { search: Some("list-".into()), ..UserQuery::default() };
        let grow = |number: usize| {
            self.store(&identify(&format!("list-{number:02}-between"), &[]));
            (self.settle)();
        };
        let mut seen = self.pages(&query, 4, &grow);
        seen.retain(|id| !id.ends_with("between"));
        assert_eq!(seen, ids);
        let everything = self.pages(&UserQuery::default(), 7, &|_| {});
        let mut unique = everything.clone();
        unique.sort();
        unique.dedup();
        assert_eq!(unique.len(), everything.len(), "each once");
        assert!(ids.iter().all(|id| everything.contains(id)));
        let foreign = Some(Cursor(vec![0xff, 1, 2]));
        let answer = self.profiles.users(PRODUCTION, &UserQuery::default(), foreign.as_ref(), 1);
        assert_eq!(answer, Err(StoreError::NotACursor));
    }

    fn search_finds_ids_names_and_e_mails(&self) {
        self.store(&identify(
            "s-1",
            &[("name", Value::Text("Zoë Quux")), ("email", Value::Text("ZQ@example.com"))],
        ));
        self.store(&identify("s-2", &[("name", Value::Text("zq of old"))]));
        (self.settle)();
        self.store(&identify("zq-id", &[("name", Value::Text("zq by id and name"))]));
        self.store(&identify("s-2", &[("name", Value::Text("renamed"))]));
        self.store(&identify_company("c-9", &[("name", Value::Text("Quux Ltd"))]));
        for settled in [false, true] {
            let find = |text: &str| {
                self.pages(&UserQuery { search: Some(text.into()), ..UserQuery::default() }, 1, &|_| {})
            };
            assert_eq!(find("zq"), ["zq-id", "s-1"], "settled: {settled}");
            assert_eq!(find("ZOË"), ["s-1"], "settled: {settled}");
            assert_eq!(find("renam"), ["s-2"], "settled: {settled}");
            assert_eq!(find("nobody"), Vec::<String>::new());
            let query = CompanyQuery { search: Some("quux".into()), ..CompanyQuery::default() };
            let page: Page<(CompanyId, Profile)> =
                good(self.profiles.companies(PRODUCTION, &query, None, 10));
            assert_eq!(page.items.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(), ["c-9"]);
            self.search_passes_over_what_is_hidden();
            (self.settle)();
        }
    }

    fn search_passes_over_what_is_hidden(&self) {
        let find = |text: &str, hidden: &[&str]| {
            let unsearched = hidden.iter().map(|&name| name.to_owned()).collect();
            let query = UserQuery { search: Some(text.into()), unsearched, ..UserQuery::default() };
            self.pages(&query, 1, &|_| {})
        };
        assert_eq!(find("zq", &["E-Mail", "Email"]), ["zq-id"]);
        assert_eq!(find("zoë", &["email"]), ["s-1"]);
        assert_eq!(find("zoë", &["name"]), [""; 0]);
        let query = CompanyQuery { search: Some("quux".into()), unsearched: vec!["Name".into()] };
        let page: Page<(CompanyId, Profile)> = good(self.profiles.companies(PRODUCTION, &query, None, 10));
        assert_eq!((page.items.len(), page.next), (0, None));
    }

    fn a_profile_that_would_be_too_wide_is_told(&self) {
        let names = |from: usize, to: usize| {
            let mut properties = Properties::default();
            (from..to).for_each(|n| properties.push(&format!("property {n}"), Value::Int(1)));
            properties.settle();
            properties
        };
        let overflow = |properties: &Properties| {
            good(self.profiles.overflow(PRODUCTION, ProfileKind::User, "wide", properties))
        };
        assert_eq!(overflow(&names(0, 500)), None);
        assert_eq!(overflow(&names(0, 501)), Some(501));
        for (from, to) in [(0, 120), (120, 240), (240, 360), (360, 490)] {
            assert_eq!(overflow(&names(from, to)), None);
            self.store(&EventDraft { properties: names(from, to), ..identify("wide", &[]) });
            (self.settle)();
        }
        assert_eq!(overflow(&names(480, 500)), None, "ten of them are known already");
        assert_eq!(overflow(&names(480, 501)), Some(501));
        self.store(&identify("wide", &[("property 0", Value::Null)]));
        assert_eq!(overflow(&names(490, 501)), Some(501), "a removed name is remembered");
    }

    fn profiles_are_counted_by_when_they_were_seen(&self) {
        // Nothing else is in this environment.
        let environment = EnvironmentId(2);
        let store_at = |draft: EventDraft, minute: i64| {
            store(self.log, environment, &at(draft, minute * MINUTE + 7));
        };
        let spans = [(100, 100), (101, 200), (0, 99)];
        let users = || good(self.profiles.census(environment, ProfileKind::User, &spans));
        assert_eq!(users(), Census { total: 0, first_seen: vec![0; 3], last_seen: vec![0; 3] });
        store_at(joining(identify("a", &[]), "x"), 100);
        store_at(identify("b", &[]), 100);
        (self.settle)();
        store_at(identify("b", &[]), 200);
        store_at(identify("c", &[]), 150);
        for settled in [false, true] {
            let expected = Census { total: 3, first_seen: vec![2, 1, 0], last_seen: vec![1, 2, 0] };
            assert_eq!(users(), expected, "settled: {settled}");
            let companies = good(self.profiles.census(environment, ProfileKind::Company, &spans[..1]));
            assert_eq!(companies, Census { total: 1, first_seen: vec![1], last_seen: vec![1] });
            (self.settle)();
        }
        store_at(identify("b", &[]), 300);
        store_at(identify("a", &[]), 50);
        for settled in [false, true] {
            let expected = Census { total: 3, first_seen: vec![1, 1, 1], last_seen: vec![1, 1, 0] };
            assert_eq!(users(), expected, "a back-fill was first, settled: {settled}");
            (self.settle)();
        }
    }

    fn nothing_crosses_environments(&self) {
        self.store(&identify("island", &[]));
        assert_eq!(good(self.profiles.user(EnvironmentId(2), &user("island"))), None);
        assert_eq!(self.profiles.user(EnvironmentId(99), &user("island")), Err(StoreError::NoEnvironment));
        let census = self.profiles.census(EnvironmentId(99), ProfileKind::User, &[]);
        assert_eq!(census, Err(StoreError::NoEnvironment));
    }
}
