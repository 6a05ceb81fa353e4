//! Who calls, and what the key may do.
//!
//! Keys are looked up by the SHA-256 of their secret in a table that each edge thread builds from the catalog and
//! builds again when the catalog's state is another one: a revoked key is refused from the next call on. A secret is
//! never kept, compared as text or written anywhere.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderValue};
use sha2::{Digest, Sha256};

use muster_kernel::model::catalog::{ApiKey, CatalogState, EnvironmentSettings};
use muster_kernel::model::id::{EnvironmentId, KeyId};
use muster_kernel::model::problem::{Problem, ProblemCode};
use muster_kernel::model::time::{MINUTE, SECOND, Timestamp};
use muster_kernel::ports::Ledger;

use super::live::{Recorder, Window};
use super::tally::{Counts, Tally};

/// Longest secret that a key may have.
const SECRET_CHARS_MAX: usize = 255;

/// What is remembered of a key's calls, over all threads and over every change of the catalog.
#[derive(Debug, Default)]
pub(super) struct KeyUse {
    /// Microseconds since 1970, to the minute; 0 when not used since the start.
    last_us: AtomicI64,
    /// The minute that is being counted, and the calls in it.
    window: Mutex<(i64, u32)>,
}

impl KeyUse {
    fn note(&self, now: Timestamp) {
        let minute = Timestamp(now.minute() * MINUTE);
        // Written once a minute, so that the threads do not fight over the line.
        if self.last_us.load(Ordering::Relaxed) != minute.0 {
            self.last_us.store(minute.0, Ordering::Relaxed);
        }
    }

    /// Takes one call of this minute's allowance.
    fn take(&self, limit: u32, now: Timestamp) -> Allowance {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        if window.0 != now.minute() {
            *window = (now.minute(), 0);
        }
        let fits = window.1 < limit;
        window.1 += u32::from(fits);
        let left_us = MINUTE - now.0.rem_euclid(MINUTE);
        // Rounded up, so that whoever waits for it comes in the next minute.
        let reset_s = u32::try_from((left_us + SECOND - 1) / SECOND).unwrap_or(60);
        Allowance { limit, remaining: limit - window.1, reset_s, fits }
    }
}

/// What a limited key has left of this minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Allowance {
    limit: u32,
    remaining: u32,
    reset_s: u32,
    fits: bool,
}

impl Allowance {
    /// Whether this call is inside the limit.
    pub(super) fn fits(self) -> bool {
        self.fits
    }

    /// Seconds until the next minute's allowance.
    pub(super) fn reset_s(self) -> u32 {
        self.reset_s
    }

    /// Writes the `RateLimit-*` headers.
    pub(super) fn put(self, headers: &mut HeaderMap) {
        headers.insert("ratelimit-limit", HeaderValue::from(self.limit));
        headers.insert("ratelimit-remaining", HeaderValue::from(self.remaining));
        headers.insert("ratelimit-reset", HeaderValue::from(self.reset_s));
    }
}

/// The uses of every key, shared by all threads.
#[derive(Debug, Default)]
pub(super) struct KeyUses {
    by_key: Mutex<HashMap<KeyId, Arc<KeyUse>>>,
}

impl KeyUses {
    fn of(&self, key: KeyId) -> Arc<KeyUse> {
        let mut by_key = self.by_key.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(by_key.entry(key).or_default())
    }

    /// The keys used since the start and the minute of their last use.
    pub(super) fn last_used(&self) -> Vec<(KeyId, Timestamp)> {
        let by_key = self.by_key.lock().unwrap_or_else(PoisonError::into_inner);
        let used = by_key.iter().map(|(key, uses)| (*key, Timestamp(uses.last_us.load(Ordering::Relaxed))));
        let mut used: Vec<_> = used.filter(|(_, last)| last.0 != 0).collect();
        used.sort_unstable();
        used
    }
}

/// A key as one edge thread knows it.
pub(super) struct Key {
    /// What the catalog says of it.
    pub api: ApiKey,
    /// Part of every position of its environment.
    pub incarnation: u32,
    /// How strictly its environment reads calls.
    pub settings: EnvironmentSettings,
    /// This thread's counts of its environment.
    pub counts: Arc<Counts>,
    /// Where its refused calls are counted.
    pub ledger: Arc<dyn Ledger>,
    /// From which its environment's calls take a place among the recorded ones.
    pub recording: Arc<Window>,
    uses: Arc<KeyUse>,
}

impl Key {
    /// The environment that it opens.
    pub(super) fn environment(&self) -> EnvironmentId {
        self.api.environment
    }

    /// Notes a use; answers what is left of the minute when the key has a limit.
    pub(super) fn used(&self, now: Timestamp) -> Option<Allowance> {
        self.uses.note(now);
        self.api.calls_per_minute_max.map(|limit| self.uses.take(limit, now))
    }
}

/// What a secret turned out to be.
pub(super) enum Found {
    /// A key, live or not.
    Key(Arc<Key>),
    /// The public token of an environment.
    AppToken,
    /// Nothing that the catalog knows.
    Nothing,
}

/// One edge thread's table of keys.
pub(super) struct Keys {
    ledger: Arc<dyn Ledger>,
    uses: Arc<KeyUses>,
    tally: Arc<Tally>,
    recorder: Arc<Recorder>,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    state: Arc<CatalogState>,
    by_hash: HashMap<[u8; 32], Arc<Key>>,
    app_tokens: HashSet<String>,
    counts: HashMap<EnvironmentId, Arc<Counts>>,
}

impl Keys {
    pub(super) fn new(
        ledger: Arc<dyn Ledger>,
        uses: Arc<KeyUses>,
        tally: Arc<Tally>,
        recorder: Arc<Recorder>,
    ) -> Self {
        Keys { ledger, uses, tally, recorder, table: Mutex::default() }
    }

    /// Looks a secret up in the present state of the catalog.
    pub(super) fn find(&self, state: &Arc<CatalogState>, secret: &str) -> Found {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        if !Arc::ptr_eq(&table.state, state) {
            // Most changes of the catalog are about the team and leave the keys as they are.
            let before = std::mem::replace(&mut table.state, Arc::clone(state));
            if before.keys != state.keys || before.environments != state.environments {
                self.rebuild(&mut table, state);
            }
        }
        let hash: [u8; 32] = Sha256::digest(secret.as_bytes()).into();
        match table.by_hash.get(&hash) {
            Some(key) => Found::Key(Arc::clone(key)),
            None if table.app_tokens.contains(secret) => Found::AppToken,
            None => Found::Nothing,
        }
    }

    fn rebuild(&self, table: &mut Table, state: &Arc<CatalogState>) {
        table.app_tokens =
            state.environments.iter().map(|environment| environment.app_token.clone()).collect();
        let counts = &mut table.counts;
        let known = state.keys.iter().filter_map(|api| {
            let environment = state.environment(api.environment)?;
            let counts = counts.entry(environment.id).or_insert_with(|| self.tally.join(environment.id));
            let key = Key {
                api: api.clone(),
                incarnation: environment.incarnation,
                settings: environment.settings,
                counts: Arc::clone(counts),
                ledger: Arc::clone(&self.ledger),
                recording: self.recorder.window(environment.id),
                uses: self.uses.of(api.id),
            };
            Some((from_hexadecimal(&api.sha256)?, Arc::new(key)))
        });
        table.by_hash = known.collect();
    }
}

fn from_hexadecimal(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 2 * bytes.len() {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

/// The secret in the `Authorization` header.
///
/// # Errors
/// When there is none, or the header is not `Token <secret>` (or `Bearer <secret>`, in any case).
pub(super) fn secret(headers: &HeaderMap) -> Result<&str, Problem> {
    let missing =
        || Problem::of_call(ProblemCode::KeyMissing, "Send the header `Authorization: Token <API key>`.");
    let malformed = || {
        Problem::of_call(
            ProblemCode::KeyMalformed,
            "The `Authorization` header is not `Token <API key>`; send the word, one space and the key.",
        )
    };
    let value = headers.get(AUTHORIZATION).ok_or_else(missing)?;
    let (scheme, secret) = value.to_str().ok().and_then(|text| text.split_once(' ')).ok_or_else(malformed)?;
    let known = ["token", "bearer"].iter().any(|name| scheme.eq_ignore_ascii_case(name));
    let secret = secret.trim_matches(' ');
    let whole =
        (1..=SECRET_CHARS_MAX).contains(&secret.len()) && secret.bytes().all(|byte| byte.is_ascii_graphic());
    if known && whole { Ok(secret) } else { Err(malformed()) }
}

/// Why a secret opens nothing.
pub(super) fn unknown(secret_is_app_token: bool) -> Problem {
    if secret_is_app_token {
        return Problem::of_call(
            ProblemCode::KeyIsAppToken,
            "This is the environment's public app token; use an API key of the environment.",
        );
    }
    Problem::of_call(
        ProblemCode::KeyUnknown,
        "No such API key; check it against the keys of the environment.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_scheme_and_secret_are_a_header() {
        let read = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, HeaderValue::from_str(text).unwrap());
            secret(&headers).map(str::to_owned).map_err(|problem| problem.code)
        };
        for good in ["Token abc", "token abc", "TOKEN  abc ", "Bearer abc", "bEARER abc"] {
            assert_eq!(read(good), Ok("abc".to_owned()), "{good}");
        }
        for bad in [
            "",
            "abc",
            "Token",
            "Token ",
            "Basic abc",
            "Token a b",
            "Token a\tb",
            &format!("Token {}", "x".repeat(256)),
        ] {
            assert_eq!(read(bad), Err(ProblemCode::KeyMalformed), "{bad}");
        }
        assert_eq!(secret(&HeaderMap::new()).unwrap_err().code, ProblemCode::KeyMissing);
    }

    #[test]
    fn an_allowance_is_for_the_minute() {
        let uses = KeyUse::default();
        let at = |second: i64| Timestamp(60_000_000 + second * 1_000_000);
        assert_eq!(uses.take(2, at(0)), Allowance { limit: 2, remaining: 1, reset_s: 60, fits: true });
        assert_eq!(uses.take(2, at(59)), Allowance { limit: 2, remaining: 0, reset_s: 1, fits: true });
        assert_eq!(uses.take(2, at(59)), Allowance { limit: 2, remaining: 0, reset_s: 1, fits: false });
        assert!(uses.take(2, at(60)).fits(), "another minute");
    }
}
