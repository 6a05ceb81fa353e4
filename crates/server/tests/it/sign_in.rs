//! Signing in and out: cookies, origins, attempts, and how long a session lasts.

use muster_kernel::model::team::{DAY, HOUR};
use muster_kernel::model::time::{MINUTE, Timestamp};
use muster_kernel::ports::{Catalog, Clock};
use muster_server::admin::record_last_use;
use serde_json::json;

use crate::client::Request;
use crate::console::{Browser, PASSWORD, told};
use crate::world::{BASE, World};

#[test]
fn nobody_is_signed_in_until_the_owner_is_made() {
    let world = World::start();
    let mut browser = world.browser();
    browser.get("/v1/session").is_refused(401, "owner_missing");
    let link = world.owner_link();
    assert!(link.starts_with("http://muster.test/welcome#"), "{link}");
    let token = link.split_once('#').unwrap().1;
    let offer = browser.post("/v1/invitations/check", &json!({"token": token}));
    assert_eq!(
        (offer.status, &offer.json()["purpose"], &offer.json()["role"]),
        (200, &json!("owner"), &json!("owner"))
    );
    assert_eq!(offer.json()["email"], json!(null));
    let accepted = browser.accept(&link, "Ada", "ada@example.com");
    assert_eq!(accepted.status, 200, "{}", accepted.text());
    assert_eq!(accepted.header("cache-control"), Some("no-store"));
    let session = browser.get("/v1/session");
    assert_eq!(session.json(), accepted.json());
    assert_eq!(
        session.json()["member"],
        json!({"id": 1, "name": "Ada", "email": "ada@example.com", "role": "owner"})
    );
    assert_eq!((&session.json()["public_url"], &session.json()["version"]), (&json!(null), &json!("1.2.3")));
    let environment = &session.json()["environments"][0];
    assert_eq!(
        (&environment["name"], &environment["pii_properties"]),
        (&json!("Production"), &json!(["email", "phone"]))
    );
    world.browser().get("/v1/session").is_refused(401, "session_missing");
    world.browser().accept(&link, "Eve", "eve@example.com").is_refused(410, "invitation_invalid");
    let again = world.with_office(muster_server::admin::owner_link).unwrap();
    assert!(again.is_none(), "there is an owner");
}

#[test]
fn a_new_owners_link_takes_the_place_of_the_one_before() {
    let world = World::start();
    let (first, second) = (world.owner_link(), world.owner_link());
    world.browser().accept(&first, "Eve", "eve@example.com").is_refused(410, "invitation_invalid");
    assert_eq!(world.browser().accept(&second, "Ada", "ada@example.com").status, 200);
}

#[test]
fn a_cookie_is_for_this_site_and_for_no_script() {
    let tests = [
        (None, false, None, ""),
        (Some("https://muster.example"), false, None, "; Secure"),
        (Some("http://muster.example"), false, Some("https"), ""),
        (None, true, Some("https"), "; Secure"),
        (None, true, Some("http"), ""),
    ];
    for (public_url, trusted, scheme, secure) in tests {
        let world = World::with(|settings| {
            settings.public_url = public_url.map(str::to_owned);
            settings.trusted_proxy = trusted;
        });
        world.owner();
        let mut request = world.browser().request(
            "POST",
            "/v1/session",
            Some(&json!({"email": "ADA@example.com", "password": PASSWORD})),
        );
        if let Some(scheme) = scheme {
            request = request.header("X-Forwarded-Proto", scheme);
        }
        let answer = world.ask(&request);
        let cookie = answer.header("set-cookie").unwrap();
        let (token, rest) = cookie.strip_prefix("muster_session=").unwrap().split_once(';').unwrap();
        assert!(token.len() == 64 && token.bytes().all(|byte| byte.is_ascii_hexdigit()), "{token}");
        assert_eq!(rest, format!(" Path=/; Max-Age=7776000; HttpOnly; SameSite=Strict{secure}"));
        assert!(!answer.text().contains(token));
        let kept = serde_json::to_string(&*world.engine.model.state()).unwrap();
        assert!(!kept.contains(token) && !kept.contains(PASSWORD), "only hashes are kept");
    }
}

#[test]
fn a_wrong_password_and_an_unknown_address_are_answered_alike() {
    let world = World::start();
    let owner = world.owner();
    let wrong = world.browser().sign_in("ada@example.com", "not the password");
    let unknown = world.browser().sign_in("eve@example.com", PASSWORD);
    for answer in [&wrong, &unknown] {
        answer.is_refused(401, "credentials_wrong");
        assert_eq!(answer.header("set-cookie"), None);
    }
    assert_eq!(wrong.body, unknown.body);
    assert_eq!(
        told(&world.acts(&owner))[..2],
        ["anonymous: sign_in_failed an unknown address", "anonymous: sign_in_failed ada@example.com"]
    );
    assert_eq!(world.acts(&owner)[0]["details"]["address"], "127.0.0.1");
    for (body, code) in [
        (json!({"email": "a@b"}), "field_invalid"),
        (json!({"email": 1, "password": "x"}), "field_invalid"),
        (json!([]), "field_invalid"),
    ] {
        world.browser().post("/v1/session", &body).is_refused(400, code);
    }
    let torn = Request::post("/v1/session", "{\"email\":").header("Origin", BASE);
    world.ask(&torn).is_refused(400, "body_not_json");
    world.ask(&Request::post("/v1/session", "")).is_refused(400, "body_missing");
}

#[test]
fn attempts_are_limited_by_address_and_by_e_mail() {
    let world = World::start();
    world.owner();
    let try_as = |email: &str| world.browser().sign_in(email, "not the password");
    for _ in 0..5 {
        try_as("ada@example.com").is_refused(401, "credentials_wrong");
    }
    let refused = world.browser().sign_in("ADA@example.com", PASSWORD);
    refused.is_refused(429, "too_many_attempts");
    assert_eq!(refused.header("retry-after"), Some("900"));
    world.pass(15 * MINUTE);
    assert_eq!(world.browser().sign_in("ada@example.com", PASSWORD).status, 200);
    for _ in 0..4 {
        try_as("ada@example.com").is_refused(401, "credentials_wrong");
        let right = world.browser().sign_in("ada@example.com", PASSWORD);
        assert_eq!(right.status, 200, "who gets it right begins anew");
    }
    let mut refused = 0;
    for number in 0..30 {
        refused += u32::from(try_as(&format!("nobody-{number}@example.com")).status == 429);
    }
    assert_eq!(refused, 4, "thirty from one address, with the four before");
    world.browser().sign_in("ada@example.com", PASSWORD).is_refused(429, "too_many_attempts");
}

#[test]
fn a_call_with_a_cookie_must_come_from_a_page_of_this_server() {
    let world = World::with(|settings| settings.public_url = Some("https://console.example:8443/".into()));
    let owner = world.owner();
    let cookie = format!("muster_session={}", owner.cookie.as_deref().unwrap());
    let change =
        || Request::with_body("PATCH", "/v1/members/me", r#"{"name":"Countess"}"#).header("Cookie", &cookie);
    for foreign in
        ["https://evil.example", "null", "http://muster.test.evil.example", "http://muster.test:81", ""]
    {
        world.ask(&change().header("Origin", foreign)).is_refused(403, "origin_refused");
    }
    world.ask(&change()).is_refused(403, "origin_refused");
    for own in [BASE, "https://console.example:8443"] {
        assert_eq!(world.ask(&change().header("Origin", own)).status, 200, "{own}");
    }
    let read = Request::get("/v1/session").header("Cookie", &cookie).header("Origin", "https://evil.example");
    assert_eq!(
        world.ask(&read).status,
        200,
        "reading changes nothing; the browser keeps the answer from others"
    );
    let fields = json!({"email": "ada@example.com", "password": PASSWORD}).to_string();
    world
        .ask(&Request::post("/v1/session", &fields).header("Origin", "https://evil.example"))
        .is_refused(403, "origin_refused");
    assert_eq!(world.ask(&Request::post("/v1/session", &fields)).status, 200, "a script names no origin");
}

#[test]
fn signing_out_ends_this_session_or_all_of_them() {
    let world = World::start();
    let first = world.owner();
    let browser = || {
        let mut browser = world.browser();
        assert_eq!(browser.sign_in("ada@example.com", PASSWORD).status, 200);
        browser
    };
    let (second, third) = (browser(), browser());
    let ended = second.delete("/v1/session");
    assert_eq!((ended.status, ended.body.len()), (204, 0));
    let cleared = "muster_session=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict";
    assert_eq!(ended.header("set-cookie"), Some(cleared));
    second.get("/v1/session").is_refused(401, "session_missing");
    assert_eq!((first.get("/v1/session").status, third.get("/v1/session").status), (200, 200));
    assert_eq!(first.delete("/v1/sessions").status, 204);
    for browser in [&first, &third] {
        browser.get("/v1/session").is_refused(401, "session_missing");
        browser.delete("/v1/session").is_refused(401, "session_missing");
    }
    let fourth = browser();
    assert_eq!(
        told(&world.acts(&fourth))[..3],
        ["Ada: signed_in ada@example.com", "Ada: signed_out_everywhere Ada", "Ada: signed_out Ada"]
    );
}

#[test]
fn a_session_ends_after_thirty_days_of_rest_or_ninety_in_all() {
    let world = World::start();
    let used = world.owner();
    let mut rested = world.browser();
    rested.sign_in("ada@example.com", PASSWORD);
    let keep = || record_last_use(&*world.engine.model, &world.handle.last_used()).unwrap();
    let began = world.clock.now();
    for day in 1..90 {
        world.clock.set(began.plus(day * DAY));
        assert_eq!(used.get("/v1/session").status, 200, "day {day}");
        keep();
    }
    rested.get("/v1/session").is_refused(401, "session_missing");
    let state = world.engine.model.state();
    let hour = Timestamp((began.0 + 89 * DAY).div_euclid(HOUR) * HOUR);
    assert_eq!((state.sessions[0].last_used_at, state.members[0].last_seen_at), (hour, Some(hour)));
    world.clock.set(began.plus(90 * DAY));
    used.get("/v1/session").is_refused(401, "session_missing");
    world.browser().sign_in("ada@example.com", PASSWORD);
    assert_eq!(world.engine.model.state().sessions.len(), 1, "the next change drops what is over");
}

#[test]
fn uses_of_a_session_are_written_once_an_hour() {
    let world = World::start();
    let owner = world.owner();
    let writes = || std::sync::Arc::as_ptr(&world.engine.model.state());
    let use_and_keep = || {
        assert_eq!(owner.get("/v1/session").status, 200);
        record_last_use(&*world.engine.model, &world.handle.last_used()).unwrap();
    };
    world.pass(HOUR);
    use_and_keep();
    let before = writes();
    world.pass(MINUTE);
    use_and_keep();
    assert_eq!(writes(), before, "the same hour is not written again");
    world.pass(HOUR);
    use_and_keep();
    assert_ne!(writes(), before);
}

#[test]
fn a_member_has_twenty_sessions_at_most() {
    let world = World::start();
    let first = world.owner();
    let mut later: Vec<Browser> = Vec::new();
    for _ in 0..20 {
        let mut browser = world.browser();
        assert_eq!(browser.sign_in("ada@example.com", PASSWORD).status, 200);
        later.push(browser);
    }
    first.get("/v1/session").is_refused(401, "session_missing");
    assert!(later.iter().all(|browser| browser.get("/v1/session").status == 200));
}

#[test]
fn a_key_stays_a_key_and_a_session_needs_an_environment() {
    let world = World::start();
    let owner = world.owner();
    world.post("/v1/identify", r#"{"user_id":"u"}"#);
    let with_key = |request: Request| world.ask(&request.key(crate::world::KEY));
    with_key(owner.request("GET", "/v1/session", None)).is_refused(401, "session_missing");
    world
        .ask(&owner.request("GET", "/v1/users", None).key("not-a-key-at-all"))
        .is_refused(401, "key_unknown");
    let elsewhere = owner.request("GET", "/v1/users/u", None).header("Muster-Environment", "2");
    assert_eq!(with_key(elsewhere).status, 200, "the key's own environment");
    owner.get("/v1/users").is_refused(400, "environment_missing");
    for unknown in ["9", "0", "Production", "-1", ""] {
        let request = owner.request("GET", "/v1/users", None).header("Muster-Environment", unknown);
        world.ask(&request).is_refused(404, "environment_unknown");
    }
    assert_eq!(owner.read(1, "/v1/users/u").json()["user_id"], "u");
    owner.read(2, "/v1/users/u").is_refused(404, "user_unknown");
    let at = owner.read(1, "/v1/users/u");
    let position = at.header("muster-position").unwrap();
    assert_eq!(owner.read(1, &format!("/v1/users?position={position}")).status, 200);
    owner.read(2, &format!("/v1/users?position={position}")).is_refused(400, "position_invalid");
    owner.post("/v1/identify", &json!({"user_id": "u"})).is_refused(401, "key_missing");
    owner.get("/v1/validate").is_refused(401, "key_missing");
    let mut stale = world.browser();
    stale.cookie = Some("0".repeat(64));
    stale.read(1, "/v1/users").is_refused(401, "session_missing");
    stale.cookie = None;
    stale.read(1, "/v1/users").is_refused(401, "key_missing");
}
