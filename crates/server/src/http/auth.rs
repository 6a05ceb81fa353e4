//! Who calls, and what the key may do.
//!
//! Keys are looked up by the SHA-256 of their secret in a table that each edge thread builds from the catalog and
//! builds again when the catalog's state is another one: a revoked key is refused from the next call on. A secret is
//! never kept, compared as text or written anywhere.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use sha2::{Digest, Sha256};

use muster_kernel::model::catalog::{ApiKey, CatalogState, EnvironmentSettings};
use muster_kernel::model::id::{EnvironmentId, KeyId};
use muster_kernel::model::problem::{Problem, ProblemCode};
use muster_kernel::model::time::{MINUTE, Timestamp};
use muster_kernel::ports::Ledger;

use super::live::{Recorder, Window};
use super::rates::{Allowance, Budget, Meter, Meters};
use super::settings::RateLimits;
use super::tally::{Counts, Tally};

/// Longest secret that a key may have.
const SECRET_CHARS_MAX: usize = 255;

/// What is remembered of a key's calls, over all threads and over every change of the catalog.
#[derive(Debug, Default)]
pub(super) struct KeyUse {
    /// Microseconds since 1970, to the minute; 0 when not used since the start.
    last_us: AtomicI64,
    /// The calls of this minute.
    calls: Meter,
}

impl KeyUse {
    fn note(&self, now: Timestamp) {
        let minute = Timestamp(now.minute() * MINUTE);
        // Written once a minute, so that the threads do not fight over the line.
        if self.last_us.load(Ordering::Relaxed) != minute.0 {
            self.last_us.store(minute.0, Ordering::Relaxed);
        }
    }
}

/// The uses of every key, shared by all threads.
#[derive(Debug, Default)]
pub(super) struct KeyUses {
    by_key: Mutex<HashMap<KeyId, Arc<KeyUse>>>,
    by_environment: Mutex<HashMap<EnvironmentId, Arc<Meters>>>,
}

impl KeyUses {
    fn of(&self, key: KeyId) -> Arc<KeyUse> {
        let mut by_key = self.by_key.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(by_key.entry(key).or_default())
    }

    fn of_all(&self, environment: EnvironmentId) -> Arc<Meters> {
        let mut known = self.by_environment.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(known.entry(environment).or_default())
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
    /// What all keys of its environment share, where limits hold for them together.
    meters: Option<Arc<Meters>>,
}

impl Key {
    /// The environment that it opens.
    pub(super) fn environment(&self) -> EnvironmentId {
        self.api.environment
    }

    /// Notes a use; answers what is left of the minute where a limit holds for this call.
    pub(super) fn used(&self, budget: Option<Budget>, now: Timestamp) -> Option<Allowance> {
        self.uses.note(now);
        let own = self.api.calls_per_minute_max.map(|limit| self.uses.calls.take(limit, now));
        if own.is_some_and(|own| !own.fits()) {
            return own;
        }
        let of_all = self.meters.as_ref().zip(budget).map(|(meters, budget)| meters.take(budget, now));
        Allowance::tighter(own, of_all)
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
    rates: RateLimits,
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
        rates: RateLimits,
    ) -> Self {
        Keys { ledger, uses, tally, recorder, rates, table: Mutex::default() }
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
                meters: match self.rates {
                    RateLimits::Own => None,
                    RateLimits::Vendor => Some(self.uses.of_all(environment.id)),
                },
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
    use axum::http::HeaderValue;

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
}
