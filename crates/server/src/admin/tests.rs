//! Requests against a catalog in memory, under a clock held by hand.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};

use muster_kernel::model::audit::AuditEntry;
use muster_kernel::model::catalog::{EmptyCompany, EnvironmentSettings, JunkIds, Scope};
use muster_kernel::model::time::{MINUTE, SECOND};
use muster_kernel::ports::{CatalogChange, StoreError};
use muster_testkit::clock::ManualClock;
use muster_testkit::model_engine::ModelEngine;

use super::*;

const DAY: i64 = 24 * 60 * MINUTE;

struct Memory {
    state: Mutex<Arc<CatalogState>>,
    trail: Mutex<Vec<AuditEntry>>,
    changes: AtomicU8,
    broken: bool,
}

impl Catalog for Memory {
    fn state(&self) -> Arc<CatalogState> {
        self.state.lock().unwrap().clone()
    }

    fn change(&self, change: CatalogChange<'_>) -> Result<Result<(), String>, StoreError> {
        if self.broken {
            return Err(StoreError::Failed("disk on fire".to_owned()));
        }
        let mut state = self.state.lock().unwrap();
        let mut next = CatalogState::clone(&state);
        let outcome = change(&mut next);
        if outcome.is_ok() {
            *state = Arc::new(next);
            self.changes.fetch_add(1, Ordering::Relaxed);
        }
        Ok(outcome)
    }
}

impl AuditTrail for Memory {
    fn append(&self, entries: &[AuditEntry]) -> Result<(), StoreError> {
        self.trail.lock().unwrap().extend_from_slice(entries);
        Ok(())
    }

    fn before(&self, before: u64, limit: usize) -> Result<Vec<AuditEntry>, StoreError> {
        let trail = self.trail.lock().unwrap();
        Ok(trail.iter().rev().filter(|entry| entry.number < before).take(limit).cloned().collect())
    }
}

struct Held(Timestamp);

impl Clock for Held {
    fn now(&self) -> Timestamp {
        self.0
    }
}

/// A catalog, a clock and bytes that never repeat themselves.
struct Desk {
    catalog: Memory,
    /// Where there is nothing to erase: these tests are about the catalog.
    engine: ModelEngine,
    clock: Held,
    drawn: AtomicU8,
}

impl Desk {
    fn new() -> Self {
        let (state, trail) = (Mutex::default(), Mutex::default());
        let catalog = Memory { state, trail, changes: AtomicU8::new(0), broken: false };
        let engine = ModelEngine::new(Arc::new(ManualClock::default()));
        Desk { catalog, engine, clock: Held(Timestamp(1_000 * DAY)), drawn: AtomicU8::new(0) }
    }

    /// With the environment and the key of a first start; the key has number 1.
    fn started() -> Self {
        let desk = Desk::new();
        desk.first_start(None).unwrap();
        desk
    }

    fn random(&self) -> impl Fn(&mut [u8]) + Send + Sync {
        |bytes| bytes.iter_mut().for_each(|byte| *byte = self.drawn.fetch_add(1, Ordering::Relaxed))
    }

    /// Works in the office of this desk.
    fn with<T>(&self, work: impl FnOnce(Office<'_>) -> T) -> T {
        let random = self.random();
        let Desk { catalog, engine, clock, .. } = self;
        work(Office {
            catalog,
            trail: catalog,
            erasures: engine,
            lists: engine,
            clock,
            random: &random,
            base: "http://muster.test",
        })
    }

    fn first_start(&self, given: Option<&str>) -> Option<FirstStart> {
        self.with(|office| first_start(given, office)).unwrap()
    }

    fn ask(&self, request: AdminRequest) -> Result<AdminAnswer, AdminError> {
        self.ask_as(&Actor::CommandLine, request)
    }

    fn ask_as(&self, by: &Actor, request: AdminRequest) -> Result<AdminAnswer, AdminError> {
        self.with(|office| execute(request, by, office))
    }

    fn create_key(&self, request: CreateKey) -> Result<(KeyView, String, Option<KeyView>), AdminError> {
        match self.ask(AdminRequest::CreateKey(request))? {
            AdminAnswer::KeyCreated { key, secret, replaced } => Ok((key, secret, replaced)),
            other => panic!("{other:?}"),
        }
    }

    fn keys(&self) -> Vec<KeyView> {
        match self.ask(AdminRequest::ListKeys { environment: None }) {
            Ok(AdminAnswer::Keys { keys }) => keys,
            other => panic!("{other:?}"),
        }
    }

    fn create_environment(&self, request: CreateEnvironment) -> Result<EnvironmentView, AdminError> {
        match self.ask(AdminRequest::CreateEnvironment(request))? {
            AdminAnswer::EnvironmentCreated { environment } => Ok(environment),
            other => panic!("{other:?}"),
        }
    }

    fn opens(&self, secret: &str) -> bool {
        is_live_secret(&self.catalog.state(), secret, self.clock.now())
    }
}

fn named(name: &str) -> CreateKey {
    CreateKey { environment: Some("Production".into()), name: Some(name.into()), ..CreateKey::default() }
}

fn environment(name: &str) -> CreateEnvironment {
    CreateEnvironment { name: name.into(), ..CreateEnvironment::default() }
}

fn refusal<T: fmt::Debug>(outcome: Result<T, AdminError>) -> String {
    match outcome {
        Err(AdminError::Refused(problem)) => problem.message,
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn a_first_start_makes_an_environment_and_a_key_once() {
    let desk = Desk::new();
    let made = desk.first_start(None).unwrap();
    assert_eq!(made.environment, "Production");
    assert!(made.app_token.starts_with("NX-") && made.app_token.len() == 11, "{}", made.app_token);
    assert!(desk.opens(made.drawn_secret.as_deref().unwrap()));
    let keys = desk.keys();
    assert_eq!((keys.len(), keys[0].id, &keys[0].scopes[..]), (1, KeyId(1), &Scope::ALL[..]));
    assert!(desk.first_start(Some("another-key-of-16")).is_none());
    assert!(!desk.opens("another-key-of-16"));
}

#[test]
fn a_chosen_key_is_the_first_one_and_is_not_given_back() {
    let desk = Desk::new();
    let made = desk.first_start(Some("chosen-key-of-17c")).unwrap();
    assert_eq!(made.drawn_secret, None);
    assert!(desk.opens("chosen-key-of-17c"));
    assert_eq!(desk.keys()[0].hint, "-17c");
}

#[test]
fn a_secret_is_shown_once_and_only_its_hash_is_kept() {
    let desk = Desk::started();
    let (key, secret, replaced) = desk.create_key(named("segment")).unwrap();
    assert_eq!((key.id, key.status, replaced), (KeyId(2), KeyStatus::Live, None));
    assert_eq!(key.scopes, [Scope::Ingest, Scope::Read]);
    let drawn = secret.strip_prefix("mk_").unwrap();
    assert!(drawn.len() == 32 && drawn.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{secret}");
    assert!(secret.ends_with(&key.hint) && key.hint.len() == 4);
    assert!(desk.opens(&secret) && !desk.opens(&secret[1..]));
    let kept = serde_json::to_string(&*desk.catalog.state()).unwrap();
    assert!(!kept.contains(&secret));
    // SHA-256 of "abc", FIPS 180-4: others who check a key must come to the same.
    let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let key = keys::first(EnvironmentId(1), "x", "abc", Timestamp(0));
    assert_eq!(key.sha256, expected);
}

#[test]
fn rules_for_keys_hold_at_their_edges() {
    let desk = Desk::started();
    let try_with = |edit: fn(&mut CreateKey)| {
        let mut request = named("x");
        edit(&mut request);
        desk.create_key(request)
    };
    let now = desk.clock.now();
    assert_eq!(now, Timestamp(1_000 * DAY));
    for edit in [
        (|key| key.name = Some(String::new())) as fn(&mut CreateKey),
        |key| key.name = Some("x".repeat(65)),
        |key| key.name = Some(" x".into()),
        |key| key.name = Some("a\nb".into()),
        |key| key.name = None,
        |key| key.environment = None,
        |key| key.environment = Some("Staging".into()),
        |key| key.scopes = Some(vec![]),
        |key| key.calls_per_minute_max = Some(0),
        |key| key.expires = Some(Expiry::AfterMicros(0)),
        |key| key.expires = Some(Expiry::At(Timestamp(1_000 * DAY))),
        |key| key.expires = Some(Expiry::AfterMicros(i64::MAX)),
    ] {
        refusal(try_with(edit));
    }
    assert_eq!(desk.keys().len(), 1, "a refused request changes nothing");
    let (key, ..) = try_with(|key| {
        key.name = Some("é".repeat(64));
        key.environment = Some("PRODUCTION".into());
        key.scopes = Some(vec![Scope::Erase, Scope::Ingest, Scope::Erase]);
        key.calls_per_minute_max = Some(1);
        key.expires = Some(Expiry::At(Timestamp(1_000 * DAY + 1)));
    })
    .unwrap();
    assert_eq!(key.scopes, [Scope::Ingest, Scope::Erase]);
    assert_eq!((key.calls_per_minute_max, key.expires_at), (Some(1), Some(now.plus(1))));
}

#[test]
fn an_unknown_environment_is_refused_with_the_known_ones() {
    let desk = Desk::started();
    desk.create_environment(environment("Staging")).unwrap();
    let request = CreateKey { environment: Some("Prod".into()), ..named("x") };
    assert_eq!(
        refusal(desk.create_key(request)),
        "There is no environment \"Prod\"; there are: Production, Staging."
    );
}

#[test]
fn a_replaced_key_lives_for_the_overlap_and_hands_on_what_it_was() {
    let mut desk = Desk::started();
    let limited =
        CreateKey { scopes: Some(vec![Scope::Erase]), calls_per_minute_max: Some(600), ..named("crm") };
    let (old, old_secret, _) = desk.create_key(limited).unwrap();
    let replaces = Some(Replacement { id: old.id, overlap_micros: DAY });
    let (new, new_secret, replaced) =
        desk.create_key(CreateKey { replaces, ..CreateKey::default() }).unwrap();
    assert_eq!(
        (&new.name[..], &new.environment[..], &new.scopes[..]),
        ("crm", "Production", &[Scope::Erase][..])
    );
    assert_eq!((new.calls_per_minute_max, new.expires_at), (Some(600), None));
    let end = desk.clock.now().plus(DAY);
    assert_eq!(
        replaced.map(|key| (key.id, key.status, key.expires_at)),
        Some((old.id, KeyStatus::Live, Some(end)))
    );
    desk.clock.0 = end.plus(-1);
    assert!(desk.opens(&old_secret) && desk.opens(&new_secret));
    desk.clock.0 = end;
    assert!(!desk.opens(&old_secret) && desk.opens(&new_secret));
    let again = CreateKey { replaces, ..CreateKey::default() };
    assert_eq!(
        refusal(desk.create_key(again)),
        "Key 2 is no longer live, so nothing replaces it: create a key of its own."
    );
}

#[test]
fn an_overlap_never_lengthens_the_life_of_a_key() {
    let desk = Desk::started();
    let (old, ..) =
        desk.create_key(CreateKey { expires: Some(Expiry::AfterMicros(SECOND)), ..named("x") }).unwrap();
    let replaces = Some(Replacement { id: old.id, overlap_micros: DAY });
    let (_, _, replaced) = desk.create_key(CreateKey { replaces, ..CreateKey::default() }).unwrap();
    assert_eq!(replaced.unwrap().expires_at, old.expires_at);
}

#[test]
fn a_key_replaces_only_keys_of_its_own_environment() {
    let desk = Desk::started();
    desk.create_environment(environment("Staging")).unwrap();
    let replaces = Some(Replacement { id: KeyId(1), overlap_micros: DAY });
    let request = CreateKey { environment: Some("staging".into()), replaces, ..CreateKey::default() };
    refusal(desk.create_key(request));
    let negative = Some(Replacement { id: KeyId(1), overlap_micros: -1 });
    refusal(desk.create_key(CreateKey { replaces: negative, ..CreateKey::default() }));
    assert_eq!(desk.keys().len(), 1);
    assert_eq!(desk.keys()[0].expires_at, None);
}

#[test]
fn a_revoked_key_stays_revoked_since_then() {
    let mut desk = Desk::started();
    let (key, secret, _) = desk.create_key(named("x")).unwrap();
    let revoked_at = desk.clock.now();
    let revoke = AdminRequest::RevokeKey { id: key.id, environment: None };
    desk.ask(revoke.clone()).unwrap();
    assert!(!desk.opens(&secret));
    desk.clock.0 = revoked_at.plus(SECOND);
    let AdminAnswer::KeyRevoked { key } = desk.ask(revoke).unwrap() else { panic!() };
    assert_eq!((key.status, key.revoked_at), (KeyStatus::Revoked, Some(revoked_at)));
    let unknown = AdminRequest::RevokeKey { id: KeyId(9), environment: None };
    assert_eq!(refusal(desk.ask(unknown)), "There is no key 9: `muster keys list` names those that exist.");
}

#[test]
fn keys_are_listed_by_environment() {
    let desk = Desk::started();
    desk.create_environment(environment("Staging")).unwrap();
    desk.create_key(CreateKey { environment: Some("Staging".into()), ..named("x") }).unwrap();
    let AdminAnswer::Keys { keys } =
        desk.ask(AdminRequest::ListKeys { environment: Some("staging".into()) }).unwrap()
    else {
        panic!()
    };
    assert_eq!(
        keys.iter().map(|key| (key.id, &key.environment[..])).collect::<Vec<_>>(),
        [(KeyId(2), "Staging")]
    );
    refusal(desk.ask(AdminRequest::ListKeys { environment: Some("QA".into()) }));
}

#[test]
fn environments_have_unique_names_numbers_and_tokens() {
    let desk = Desk::started();
    let staging = desk.create_environment(environment("Ställe")).unwrap();
    assert_eq!((staging.id, &staging.region[..], staging.live_keys), (EnvironmentId(2), "local", 0));
    let taken = "There is an environment \"Ställe\" already: choose another name.";
    assert_eq!(refusal(desk.create_environment(environment("STÄLLE"))), taken);
    for name in ["", " ", "x ", &"x".repeat(65), "a\tb"] {
        refusal(desk.create_environment(environment(name)));
    }
    let third = desk.create_environment(environment(&"x".repeat(64))).unwrap();
    assert_eq!(third.id, EnvironmentId(3));
    assert_ne!(third.app_token, staging.app_token);
    let state = desk.catalog.state();
    assert_ne!(state.environments[0].incarnation, state.environments[1].incarnation);
}

#[test]
fn a_region_is_a_plain_label() {
    let desk = Desk::started();
    for region in ["", "EU", "eu west", &"x".repeat(33)] {
        refusal(
            desk.create_environment(CreateEnvironment { region: Some(region.into()), ..environment("E") }),
        );
        let set = SetEnvironment { region: Some(region.into()), ..SetEnvironment::of("Production") };
        refusal(desk.ask(AdminRequest::SetEnvironment(set)));
    }
    let made = desk.create_environment(CreateEnvironment { region: Some("eu-1".into()), ..environment("E") });
    assert_eq!(made.unwrap().region, "eu-1");
}

#[test]
fn setting_an_environment_changes_what_is_named_and_no_more() {
    let desk = Desk::started();
    let settings = SettingsPatch { empty_company: Some(EmptyCompany::Ignore), ..SettingsPatch::default() };
    let set = SetEnvironment { settings, ..SetEnvironment::of("production") };
    desk.ask(AdminRequest::SetEnvironment(set)).unwrap();
    let settings = SettingsPatch { junk_ids: Some(JunkIds::Refuse), ..SettingsPatch::default() };
    let set = SetEnvironment { region: Some("us".into()), settings, ..SetEnvironment::of("Production") };
    let AdminAnswer::EnvironmentChanged { environment } =
        desk.ask(AdminRequest::SetEnvironment(set)).unwrap()
    else {
        panic!()
    };
    let expected = EnvironmentSettings {
        empty_company: EmptyCompany::Ignore,
        junk_ids: JunkIds::Refuse,
        ..EnvironmentSettings::default()
    };
    assert_eq!((environment.settings, &environment.region[..]), (expected, "us"));
}

#[test]
fn a_directory_must_be_there_and_empty_and_nobody_elses() {
    let desk = Desk::started();
    let directory = tempfile::tempdir().unwrap();
    let at = |path: &std::path::Path| Some(path.to_str().unwrap().to_owned());
    let with = |name: &str, directory| CreateEnvironment { directory, ..environment(name) };
    refusal(desk.create_environment(with("E", Some("relative".into()))));
    refusal(desk.create_environment(with("E", at(&directory.path().join("absent")))));
    let used = directory.path().join("used");
    std::fs::create_dir_all(used.join("something")).unwrap();
    refusal(desk.create_environment(with("E", at(&used))));
    let own = directory.path().join("own");
    std::fs::create_dir_all(own.join("lost+found")).unwrap();
    assert_eq!(desk.create_environment(with("E", at(&own))).unwrap().directory, at(&own));
    assert_eq!(std::fs::read_dir(&own).unwrap().count(), 1, "nothing is left behind");
    let taken = format!("The directory belongs to the environment {:?}: choose another one.", "E");
    assert_eq!(refusal(desk.create_environment(with("F", at(&own)))), taken);
}

#[test]
fn last_use_is_kept_to_the_minute_and_never_goes_back() {
    let desk = Desk::started();
    let (other, ..) = desk.create_key(named("other")).unwrap();
    let changes = || desk.catalog.changes.load(Ordering::Relaxed);
    let used = |key: u32, micros: i64| {
        let keys = vec![(KeyId(key), Timestamp(micros)), (KeyId(99), Timestamp(micros))];
        record_last_use(&desk.catalog, &LastUse { keys, ..LastUse::default() }).unwrap();
    };
    let before = changes();
    used(1, 5 * MINUTE + 7);
    assert_eq!(desk.keys()[0].last_used_at, Some(Timestamp(5 * MINUTE)));
    used(1, 5 * MINUTE + 9);
    used(1, 4 * MINUTE);
    assert_eq!(changes() - before, 1, "the same minute is not written again");
    used(other.id.0, 5 * MINUTE);
    assert_eq!(changes() - before, 2);
    assert_eq!(desk.keys()[0].last_used_at, Some(Timestamp(5 * MINUTE)));
}

#[test]
fn a_catalog_that_cannot_be_written_is_said_so() {
    let mut desk = Desk::started();
    desk.catalog.broken = true;
    let error = desk.create_key(named("x")).unwrap_err();
    assert!(
        matches!(&error, AdminError::Failed { message } if message.contains("disk on fire")),
        "{error:?}"
    );
}

#[test]
fn requests_and_answers_read_back() {
    let desk = Desk::started();
    let request = AdminRequest::CreateKey(CreateKey {
        expires: Some(Expiry::AfterMicros(DAY)),
        replaces: Some(Replacement { id: KeyId(1), overlap_micros: 0 }),
        ..named("x")
    });
    let text = serde_json::to_string(&request).unwrap();
    assert_eq!(serde_json::from_str::<AdminRequest>(&text).unwrap(), request);
    let invite = AdminRequest::Invite(Invite { role: Role::Viewer, email: Some("bob@example.com".into()) });
    let by_number = Some(EnvironmentRef::Id(EnvironmentId(1)));
    for request in [
        request,
        AdminRequest::ListKeys { environment: by_number },
        AdminRequest::RevokeKey { id: KeyId(2), environment: Some("Production".into()) },
        AdminRequest::ListEnvironments,
        AdminRequest::SetEnvironment(SetEnvironment::of(EnvironmentId(1))),
        invite,
        AdminRequest::ListMembers,
        AdminRequest::ResetOwner { email: None },
        AdminRequest::WithdrawInvitation { id: InvitationId(1) },
    ] {
        let text = serde_json::to_string(&request).unwrap();
        assert_eq!(serde_json::from_str::<AdminRequest>(&text).unwrap(), request);
        let answer = desk.ask(request).unwrap();
        let text = serde_json::to_string(&answer).unwrap();
        assert_eq!(serde_json::from_str::<AdminAnswer>(&text).unwrap(), answer);
        assert!(!text.contains("sha256"));
    }
}

#[test]
fn invitations_have_a_bound_that_keeps_no_owner_out() {
    let desk = Desk::started();
    let invite = || desk.ask(AdminRequest::Invite(Invite { role: Role::Viewer, email: None }));
    for _ in 0..INVITATIONS_MAX {
        invite().unwrap();
    }
    let refused = refusal(invite());
    assert_eq!(refused, "There are 200 unused invitations already; take some back first.");
    let AdminAnswer::OwnerLink { link, email, .. } =
        desk.ask(AdminRequest::ResetOwner { email: None }).unwrap()
    else {
        panic!()
    };
    assert!(link.starts_with("http://muster.test/welcome#") && email.is_none(), "{link}");
    let kept = serde_json::to_string(&*desk.catalog.state()).unwrap();
    assert!(!kept.contains(link.split_once('#').unwrap().1), "only the hash of a token is kept");
}

#[test]
fn who_is_no_member_any_more_makes_no_owner() {
    let desk = Desk::started();
    let gone = Actor::Member { id: MemberId(7), name: "Eve".into() };
    for role in [Role::Owner, Role::Analyst] {
        refusal(desk.ask_as(&gone, AdminRequest::Invite(Invite { role, email: None })));
    }
    assert_eq!(desk.catalog.state().invitations.len(), 0);
}

#[test]
fn an_act_that_is_refused_or_changes_nothing_is_not_told() {
    let desk = Desk::started();
    let told = || desk.catalog.state().next_audit;
    let before = told();
    refusal(desk.create_key(CreateKey { name: Some(String::new()), ..named("x") }));
    desk.ask(AdminRequest::SetEnvironment(SetEnvironment::of("Production"))).unwrap();
    desk.keys();
    assert_eq!(told(), before);
    let (key, ..) = desk.create_key(named("x")).unwrap();
    for _ in 0..2 {
        desk.ask(AdminRequest::RevokeKey { id: key.id, environment: None }).unwrap();
    }
    assert_eq!(told(), before + 2, "made once, revoked once");
}

#[test]
fn every_byte_gives_every_character_of_a_secret_the_same_chance() {
    let mut seen = [0u32; 128];
    for start in 0..=255u8 {
        let secret = keys::draw_secret(&move |bytes: &mut [u8]| bytes.fill(start.min(247)));
        seen[usize::from(secret.as_bytes()[3])] += u32::from(start < 248);
    }
    let counts: Vec<u32> = seen.into_iter().filter(|&count| count > 0).collect();
    assert_eq!(counts, [4; 62]);
}
