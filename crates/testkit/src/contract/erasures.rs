//! What `Erasures` promises (law 6).

use muster_kernel::model::audit::Actor;
use muster_kernel::model::erasure::{ErasedKind, Erasure, ErasureRequest, WouldErase};
use muster_kernel::model::event::{Event, EventDraft, EventKind};
use muster_kernel::model::id::{EnvironmentId, JobNumber, MemberId, Position};
use muster_kernel::model::job::JobStatus;
use muster_kernel::model::time::Timestamp;
use muster_kernel::model::value::Value;
use muster_kernel::ports::{
    Admitted, Appended, CompanyQuery, Erasures, EventLog, Jobs, Profiles, Purged, StoreError, UserQuery,
};

use super::{store, upload};
use crate::block_on::block_on;
use crate::builders::{KEY, PRODUCTION, company, identify, identify_company, joining, user};
use crate::clock::DAY_ONE;

const STAGING: EnvironmentId = EnvironmentId(2);
const NOWHERE: EnvironmentId = EnvironmentId(99);
/// When purges of this suite are done.
const PURGED_AT: Timestamp = DAY_ONE;

/// Runs every promise. `jobs` are those of the same engine, where it has some of its own.
pub fn erasures_keep_their_promises(
    log: &dyn EventLog,
    profiles: &dyn Profiles,
    erasures: &dyn Erasures,
    jobs: Option<&dyn Jobs>,
) {
    let all = All { log, profiles, erasures };
    all.an_unknown_environment_has_none();
    all.an_erased_user_is_hidden_at_once_and_in_no_other_environment();
    all.a_dry_run_counts_and_changes_nothing();
    all.what_comes_later_is_a_new_life();
    all.a_purge_stops_when_asked_and_is_then_done_once();
    all.an_erased_company_is_cleared_from_its_users();
    all.what_lost_a_tie_to_an_erased_company_counts_again();
    all.a_suppressed_subject_stays_away();
    if let Some(jobs) = jobs {
        all.a_job_that_was_accepted_before_brings_nobody_back_and_is_waited_for(jobs);
    }
}

struct All<'a> {
    log: &'a dyn EventLog,
    profiles: &'a dyn Profiles,
    erasures: &'a dyn Erasures,
}

fn good<T>(answer: Result<T, StoreError>) -> T {
    answer.unwrap_or_else(|error| panic!("{error}"))
}

fn own(ids: &[&str]) -> Vec<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

fn request(kind: ErasedKind, ids: &[&str]) -> ErasureRequest {
    ErasureRequest {
        id: format!("delete:jobs:NX-1:{}", ids.join("-")),
        kind,
        ids: own(ids),
        suppress: false,
        key: None,
        by: Some(Actor::Member { id: MemberId(7), name: "Ada".to_owned() }),
        accepted_at: DAY_ONE,
        due_at: DAY_ONE,
        promised_at: DAY_ONE,
    }
}

fn tracked(id: &str) -> EventDraft {
    EventDraft { kind: EventKind::Track, event_name: "paid".to_owned(), ..identify(id, &[]) }
}

impl All<'_> {
    fn accept(&self, request: ErasureRequest) -> Erasure {
        let accepting = good(self.erasures.accept(PRODUCTION, request));
        block_on(accepting).unwrap_or_else(|error| panic!("it was not accepted: {error:?}"))
    }

    fn purge(&self, erasure: &Erasure, stop: bool) -> Purged {
        good(self.erasures.purge(PRODUCTION, &[erasure.number], &|| PURGED_AT, &|| stop))
    }

    fn listed(&self) -> Vec<Erasure> {
        good(self.erasures.erasures(PRODUCTION))
    }

    fn find(&self, erasure: &Erasure) -> Erasure {
        let found = self.listed().into_iter().find(|other| other.number == erasure.number);
        found.unwrap_or_else(|| panic!("{} is not listed", erasure.id))
    }

    fn plan(&self, id: &str) -> Option<String> {
        let profile = good(self.profiles.user(PRODUCTION, &user(id)))?;
        match profile.property("plan") {
            Some(Value::Text(text)) => Some(text.to_owned()),
            other => panic!("{other:?}"),
        }
    }

    /// The users that a list shows, by the beginning of their ids.
    fn found(&self, environment: EnvironmentId, search: &str) -> Vec<String> {
        let query = UserQuery { search: Some(search.to_owned()), ..UserQuery::default() };
        let page = good(self.profiles.users(environment, &query, None, 1000));
        page.items.iter().map(|(id, _)| id.to_string()).collect()
    }

    /// The user and the company of each event that names one of the two.
    fn named(&self, id: &str) -> Vec<(Option<String>, Option<String>)> {
        let events = good(self.log.read(PRODUCTION, Position::START, usize::MAX, usize::MAX));
        let named = events.iter().map(|stored| {
            let event = Event::decode(&stored.payload).unwrap_or_else(|_| panic!("an event must decode"));
            (event.user_id.map(str::to_owned), event.company_id.map(str::to_owned))
        });
        named
            .filter(|(user, company)| user.as_deref() == Some(id) || company.as_deref() == Some(id))
            .collect()
    }

    fn an_unknown_environment_has_none(&self) {
        assert_eq!(self.listed(), [], "none at first");
        let none = Some(StoreError::NoEnvironment);
        let ids = own(&["nobody"]);
        assert_eq!(self.erasures.accept(NOWHERE, request(ErasedKind::Users, &["nobody"])).err(), none);
        assert_eq!(self.erasures.erasures(NOWHERE).err(), none);
        assert_eq!(self.erasures.purge(NOWHERE, &[], &|| PURGED_AT, &|| false).err(), none);
        assert_eq!(self.erasures.would_erase(NOWHERE, ErasedKind::Users, &ids).err(), none);
        assert_eq!(self.erasures.withholds(NOWHERE, JobNumber(1), &identify("nobody", &[])).err(), none);
        assert_eq!(self.erasures.admits(NOWHERE, &identify("nobody", &[])).err(), none);
    }

    fn an_erased_user_is_hidden_at_once_and_in_no_other_environment(&self) {
        let pro = [("plan", Value::Text("pro")), ("email", Value::Text("hidden@example.org"))];
        let mut joined = joining(identify("hidden-1", &pro), "stays");
        joined.company_properties.push("plan", Value::Text("team"));
        store(self.log, PRODUCTION, &joined);
        store(self.log, PRODUCTION, &tracked("hidden-1"));
        store(self.log, PRODUCTION, &joining(identify("hidden-2", &pro), "stays"));
        store(self.log, STAGING, &identify("hidden-1", &pro));
        let asked = request(ErasedKind::Users, &["hidden-1", "nobody"]);
        let erasure = self.accept(asked.clone());
        assert_eq!((erasure.status, erasure.profiles, &erasure.by), (JobStatus::Queued, 1, &asked.by));
        assert_eq!((&erasure.id, &erasure.ids), (&asked.id, &asked.ids));
        assert_eq!(self.listed(), std::slice::from_ref(&erasure));
        assert_eq!(good(self.erasures.erasures(STAGING)), []);
        for when in ["at once", "after the purge"] {
            assert_eq!(self.plan("hidden-1"), None, "{when}");
            assert_eq!(self.found(PRODUCTION, "hidden"), ["hidden-2"], "{when}");
            assert_eq!(self.found(STAGING, "hidden"), ["hidden-1"], "{when}");
            assert_eq!(self.named("hidden-1"), [], "{when}");
            let stays = company("stays");
            assert_eq!(good(self.profiles.company_user_count(PRODUCTION, &stays)), 1, "{when}");
            let profile = good(self.profiles.company(PRODUCTION, &stays)).unwrap_or_default();
            let told = profile.property("plan") == Some(Value::Text("team"));
            assert!(told, "what was said of the company is not about the user, {when}");
            assert_eq!(self.purge(&erasure, false), Purged::Completed);
        }
    }

    fn a_dry_run_counts_and_changes_nothing(&self) {
        store(self.log, PRODUCTION, &joining(identify("counted", &[]), "counted-company"));
        store(self.log, PRODUCTION, &tracked("counted"));
        let before = (self.listed(), self.named("counted"));
        let would = |kind, ids: &[&str]| good(self.erasures.would_erase(PRODUCTION, kind, &own(ids)));
        let users = WouldErase { profiles: 1, unknown: 1, members: 0, events: 1 };
        assert_eq!(would(ErasedKind::Users, &["counted", "unheard-of"]), users);
        let companies = WouldErase { profiles: 1, unknown: 0, members: 1, events: 0 };
        assert_eq!(would(ErasedKind::Companies, &["counted-company"]), companies);
        assert_eq!((self.listed(), self.named("counted")), before);
    }

    fn what_comes_later_is_a_new_life(&self) {
        store(
            self.log,
            PRODUCTION,
            &identify("reborn", &[("plan", Value::Text("old")), ("old", Value::Int(1))]),
        );
        let first = self.accept(request(ErasedKind::Users, &["reborn"]));
        store(self.log, PRODUCTION, &identify("reborn", &[("plan", Value::Text("new"))]));
        for when in ["before the purge", "after it"] {
            assert_eq!(self.plan("reborn").as_deref(), Some("new"), "{when}");
            let profile = good(self.profiles.user(PRODUCTION, &user("reborn"))).unwrap_or_default();
            assert_eq!(profile.property("old"), None, "{when}");
            assert_eq!(self.named("reborn").len(), 1, "{when}");
            assert_eq!(self.purge(&first, false), Purged::Completed);
        }
        let second = self.accept(request(ErasedKind::Users, &["reborn"]));
        assert!(second.number > first.number);
        let newest: Vec<_> = self.listed().iter().take(2).map(|erasure| erasure.number).collect();
        assert_eq!(newest, [second.number, first.number], "the newest first");
        assert_eq!(self.plan("reborn"), None);
        assert_eq!(self.purge(&second, false), Purged::Completed);
    }

    fn a_purge_stops_when_asked_and_is_then_done_once(&self) {
        store(self.log, PRODUCTION, &identify("purged", &[]));
        let erasure = self.accept(request(ErasedKind::Users, &["purged", "nobody"]));
        assert_eq!(self.purge(&erasure, true), Purged::Stopped);
        assert_eq!(self.find(&erasure).certificate, None);
        assert_eq!(self.purge(&erasure, false), Purged::Completed);
        let complete = self.find(&erasure);
        assert_eq!((complete.status, complete.ended_at), (JobStatus::Completed, Some(PURGED_AT)));
        assert_eq!(complete.ids, [] as [String; 0], "no id is kept");
        assert_eq!(complete.hashes, erasure.hashes);
        assert_eq!(complete.hashes.len(), 2);
        let places = complete.certificate.as_ref().map(|certificate| certificate.places.clone());
        let places = places.unwrap_or_default();
        assert!(!places.is_empty() && places.iter().all(|place| place.found == 0), "{places:?}");
        let removed = places.iter().find(|place| place.place == "profiles").map(|place| &place.removed);
        assert_eq!(removed.and_then(|removed| removed.get("profiles")), Some(&1));
        let later = Timestamp(PURGED_AT.0 + 1);
        let again = self.erasures.purge(PRODUCTION, &[erasure.number], &|| later, &|| false);
        assert_eq!(again, Ok(Purged::Completed));
        assert_eq!(self.find(&erasure), complete, "a certificate is never issued anew");
    }

    fn an_erased_company_is_cleared_from_its_users(&self) {
        store(self.log, PRODUCTION, &identify_company("gone", &[("plan", Value::Text("team"))]));
        store(self.log, PRODUCTION, &joining(identify("member", &[("plan", Value::Text("pro"))]), "gone"));
        let erasure = self.accept(request(ErasedKind::Companies, &["gone"]));
        for when in ["at once", "after the purge"] {
            assert_eq!(good(self.profiles.company(PRODUCTION, &company("gone"))), None, "{when}");
            let query = CompanyQuery { search: Some("gone".to_owned()), ..CompanyQuery::default() };
            let page = good(self.profiles.companies(PRODUCTION, &query, None, 10));
            assert!(page.items.is_empty(), "{when}");
            assert_eq!(self.plan("member").as_deref(), Some("pro"), "{when}");
            let profile = good(self.profiles.user(PRODUCTION, &user("member"))).unwrap_or_default();
            assert_eq!(profile.company_id(), None, "{when}");
            assert_eq!(self.named("gone"), [], "{when}");
            assert_eq!(self.purge(&erasure, false), Purged::Completed);
        }
    }

    fn what_lost_a_tie_to_an_erased_company_counts_again(&self) {
        let names = |id: &str| EventDraft { occurred_at: Some(DAY_ONE), ..joining(tracked("tied"), id) };
        for id in ["tied-b", "tied-c", "tied-a"] {
            store(self.log, PRODUCTION, &names(id));
        }
        let check = |belongs: Option<&str>, when: &str| {
            let profile = good(self.profiles.user(PRODUCTION, &user("tied"))).unwrap_or_default();
            assert_eq!(profile.company_id(), belongs, "{when}");
            for id in ["tied-a", "tied-b", "tied-c"] {
                let is_it = belongs == Some(id);
                let query = UserQuery { company: Some(company(id)), ..UserQuery::default() };
                let page = good(self.profiles.users(PRODUCTION, &query, None, 10));
                assert_eq!(page.items.len(), usize::from(is_it), "{id} {when}");
                let count = good(self.profiles.company_user_count(PRODUCTION, &company(id)));
                assert_eq!(count, u64::from(is_it), "{id} {when}");
            }
        };
        check(Some("tied-c"), "of a tie the largest id wins");
        for (erased, then) in [("tied-c", Some("tied-b")), ("tied-a", Some("tied-b")), ("tied-b", None)] {
            let erasure = self.accept(request(ErasedKind::Companies, &[erased]));
            check(then, &format!("{erased} hidden"));
            assert_eq!(self.purge(&erasure, false), Purged::Completed);
            check(then, &format!("{erased} purged"));
        }
    }

    fn a_suppressed_subject_stays_away(&self) {
        for (kind, id) in [(ErasedKind::Users, "unwanted"), (ErasedKind::Companies, "unwanted-company")] {
            let asked = ErasureRequest { suppress: true, key: Some(KEY), by: None, ..request(kind, &[id]) };
            let erasure = self.accept(asked);
            assert_eq!((erasure.suppress, erasure.key), (true, Some(KEY)));
            assert_eq!(self.purge(&erasure, false), Purged::Completed, "unknown ids are no error");
        }
        let refused =
            [identify("unwanted", &[]), tracked("unwanted"), identify_company("unwanted-company", &[])];
        for draft in &refused {
            assert_eq!(block_on(self.log.append(PRODUCTION, draft)), Ok(Appended::Suppressed));
            assert_eq!(self.erasures.withholds(PRODUCTION, JobNumber(99), draft), Ok(true));
            assert_eq!(self.erasures.admits(PRODUCTION, draft), Ok(Admitted::Nothing));
        }
        let wanted = joining(identify("wanted", &[]), "unwanted-company");
        assert_eq!(self.erasures.admits(PRODUCTION, &wanted), Ok(Admitted::WithoutCompany));
        assert_eq!(self.erasures.admits(PRODUCTION, &identify("wanted", &[])), Ok(Admitted::Whole));
        assert_eq!(self.erasures.admits(STAGING, &wanted), Ok(Admitted::Whole));
        store(self.log, PRODUCTION, &wanted);
        let profile = good(self.profiles.user(PRODUCTION, &user("wanted"))).unwrap_or_default();
        assert_eq!(profile.company_id(), None, "stored without the company");
        assert_eq!(good(self.profiles.company(PRODUCTION, &company("unwanted-company"))), None);
        assert_eq!(self.erasures.withholds(PRODUCTION, JobNumber(99), &identify("wanted", &[])), Ok(false));
        store(self.log, STAGING, &identify("unwanted", &[]));
    }

    fn a_job_that_was_accepted_before_brings_nobody_back_and_is_waited_for(&self, jobs: &dyn Jobs) {
        let before = upload(jobs, PRODUCTION, "before", &[b"{}"]);
        let erasure = self.accept(request(ErasedKind::Users, &["in-a-file"]));
        let withholds = |job, id: &str| good(self.erasures.withholds(PRODUCTION, job, &identify(id, &[])));
        assert!(withholds(before.number, "in-a-file"));
        assert!(!withholds(before.number, "somebody-else"));
        let after = upload(jobs, PRODUCTION, "after", &[b"{}"]);
        assert!(!withholds(after.number, "in-a-file"), "a later file is a new life");
        assert_eq!(self.purge(&erasure, false), Purged::Waits(vec![before.number]));
        assert_eq!(self.find(&erasure).certificate, None);
        for job in [before, after] {
            let mut ended = job;
            (ended.status, ended.ended_at) = (JobStatus::Completed, Some(DAY_ONE));
            good(jobs.save(PRODUCTION, &ended));
        }
        assert_eq!(self.purge(&erasure, false), Purged::Completed);
    }
}
