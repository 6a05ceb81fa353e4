//! How often somebody may try a password: per address and per e-mail, in tables that never grow beyond a bound; and how
//! many passwords are hashed at a time.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::HeaderMap;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use muster_kernel::model::problem::{Problem, ProblemCode};
use muster_kernel::model::time::{MINUTE, SECOND, Timestamp};
use muster_kernel::ports::Refusal;

use crate::admin::sha256;

use super::error::Refused;

/// The span in which attempts are counted.
const WINDOW: i64 = 15 * MINUTE;
/// Attempts in it for one e-mail.
pub(super) const PER_EMAIL_MAX: u32 = 5;
/// Attempts in it from one address.
pub(super) const PER_ADDRESS_MAX: u32 = 30;
/// E-mails, and addresses, that are remembered.
const REMEMBERED_MAX: usize = 10_000;
/// Failures in it that are written into the audit; what is beyond is counted, so that nobody fills the disk with them.
const RECORDED_MAX: u32 = 100;
/// Passwords that are hashed at a time; each takes 19 MiB.
const HASHES_MAX: usize = 2;
/// Calls that wait for their turn; one more is told to come back.
const WAITING_MAX: usize = 32;

/// Attempts at passwords.
pub(super) struct Attempts {
    by_email: Mutex<Table<String>>,
    by_address: Mutex<Table<IpAddr>>,
    recorded: Mutex<(Table<()>, u32)>,
    turns: Arc<Semaphore>,
    places: Arc<Semaphore>,
}

/// A turn at hashing, for as long as it is held.
pub(super) struct Turn {
    _turn: OwnedSemaphorePermit,
    _place: OwnedSemaphorePermit,
}

impl Default for Attempts {
    fn default() -> Self {
        Attempts {
            by_email: Mutex::default(),
            by_address: Mutex::default(),
            recorded: Mutex::default(),
            turns: Arc::new(Semaphore::new(HASHES_MAX)),
            places: Arc::new(Semaphore::new(HASHES_MAX + WAITING_MAX)),
        }
    }
}

impl Attempts {
    /// Counts an attempt.
    ///
    /// # Errors
    /// When there were too many.
    pub(super) fn count(&self, email: &str, address: Option<IpAddr>, now: Timestamp) -> Result<(), Refused> {
        self.count_address(address, now)?;
        let mut by_email = self.by_email.lock().unwrap_or_else(PoisonError::into_inner);
        by_email.count(key_of(email), PER_EMAIL_MAX, now).map_err(too_many)
    }

    /// Counts an attempt that is about no e-mail.
    ///
    /// # Errors
    /// When there were too many.
    pub(super) fn count_address(&self, address: Option<IpAddr>, now: Timestamp) -> Result<(), Refused> {
        let Some(address) = address else { return Ok(()) };
        let mut by_address = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        by_address.count(network_of(address), PER_ADDRESS_MAX, now).map_err(too_many)
    }

    /// Forgets the attempts of somebody who got it right.
    pub(super) fn forgive(&self, email: &str, address: Option<IpAddr>) {
        let mut by_email = self.by_email.lock().unwrap_or_else(PoisonError::into_inner);
        by_email.windows.remove(&key_of(email));
        let mut by_address = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(window) = address.and_then(|address| by_address.windows.get_mut(&network_of(address))) {
            window.count = window.count.saturating_sub(1);
        }
    }

    /// Whether a failure is to be written down; if so, how many before it were not.
    pub(super) fn record_failure(&self, now: Timestamp) -> Option<u32> {
        let mut recorded = self.recorded.lock().unwrap_or_else(PoisonError::into_inner);
        let (table, passed_over) = &mut *recorded;
        if table.count((), RECORDED_MAX, now).is_ok() {
            return Some(std::mem::take(passed_over));
        }
        *passed_over = passed_over.saturating_add(1);
        None
    }

    /// Waits for a turn at hashing. The turn goes into the work itself, so that a caller who hangs up gives nobody else
    /// a turn while the work still runs.
    ///
    /// # Errors
    /// When too many wait already.
    pub(super) async fn turn(&self) -> Result<Turn, Refused> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| Refusal::Overloaded)?;
        let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(|_| Refusal::Closed)?;
        Ok(Turn { _turn: turn, _place: place })
    }
}

/// Addresses are remembered by hash: what somebody typed into that field may be anything.
fn key_of(email: &str) -> String {
    sha256(&email.to_lowercase())
}

/// Whoever has one address of an IPv6 network of 64 bits usually has them all.
fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
        v4 => v4,
    }
}

fn too_many(seconds: u32) -> Refused {
    let message = "Too many attempts to sign in; try again after `Retry-After` seconds.";
    Refused::from(Problem::of_call(ProblemCode::TooManyAttempts, message)).retry_after(seconds)
}

/// Counts by key. When it is full, what is over goes first, then what began first.
struct Table<K> {
    windows: HashMap<K, Window>,
}

#[derive(Clone, Copy)]
struct Window {
    began: Timestamp,
    count: u32,
}

impl<K> Default for Table<K> {
    fn default() -> Self {
        Table { windows: HashMap::new() }
    }
}

impl<K: Eq + Hash + Clone> Table<K> {
    /// Counts one more; the seconds until the span is over when that is too many.
    fn count(&mut self, key: K, max: u32, now: Timestamp) -> Result<(), u32> {
        let is_open = |window: &Window| (window.began..window.began.plus(WINDOW)).contains(&now);
        if !self.windows.contains_key(&key) && self.windows.len() >= REMEMBERED_MAX {
            self.windows.retain(|_, window| is_open(window));
            let oldest =
                self.windows.iter().min_by_key(|(_, window)| window.began).map(|(key, _)| key.clone());
            if let Some(oldest) = oldest.filter(|_| self.windows.len() >= REMEMBERED_MAX) {
                self.windows.remove(&oldest);
            }
        }
        let window = self.windows.entry(key).or_insert(Window { began: now, count: 0 });
        if !is_open(window) {
            *window = Window { began: now, count: 0 };
        }
        if window.count >= max {
            let left = window.began.plus(WINDOW).0 - now.0;
            return Err(u32::try_from((left + SECOND - 1) / SECOND).unwrap_or(1).max(1));
        }
        window.count += 1;
        Ok(())
    }
}

/// Where a call comes from: the other end of the connection, or what a trusted proxy says of its own other end.
pub(super) fn address_of(
    headers: &HeaderMap,
    peer: Option<IpAddr>,
    proxy_is_trusted: bool,
) -> Option<IpAddr> {
    let forwarded = || {
        let last = headers.get_all("x-forwarded-for").iter().next_back()?.to_str().ok()?;
        last.rsplit(',').next()?.trim().parse().ok()
    };
    if proxy_is_trusted { forwarded().or(peer) } else { peer }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    #[test]
    fn attempts_are_counted_by_span_and_the_table_never_grows_beyond_its_bound() {
        let mut table = Table::default();
        let at = |second: i64| Timestamp(second * SECOND);
        for _ in 0..5 {
            assert_eq!(table.count("a", 5, at(0)), Ok(()));
        }
        assert_eq!(table.count("a", 5, at(1)), Err(899));
        assert_eq!(table.count("b", 5, at(1)), Ok(()));
        assert_eq!(table.count("a", 5, at(900)), Ok(()));
        let mut full = Table::default();
        for number in 0..REMEMBERED_MAX + 10 {
            assert_eq!(full.count(number, 1, Timestamp(i64::try_from(number).unwrap())), Ok(()));
        }
        assert_eq!(full.windows.len(), REMEMBERED_MAX);
        assert!(!full.windows.contains_key(&9) && full.windows.contains_key(&10), "what began first goes");
    }

    #[test]
    fn few_hash_at_a_time_some_wait_and_the_rest_is_sent_away() {
        let attempts = Attempts::default();
        let mut context = Context::from_waker(Waker::noop());
        let mut calls: Vec<_> = (0..HASHES_MAX + WAITING_MAX).map(|_| Box::pin(attempts.turn())).collect();
        let turns: Vec<_> = calls.iter_mut().map(|call| call.as_mut().poll(&mut context)).collect();
        assert_eq!(turns.iter().filter(|turn| turn.is_ready()).count(), HASHES_MAX);
        assert!(matches!(pin!(attempts.turn()).poll(&mut context), Poll::Ready(Err(_))), "one too many");
        drop(turns);
        assert!(calls[HASHES_MAX].as_mut().poll(&mut context).is_ready(), "the next one's turn");
        drop(calls.pop());
        assert!(pin!(attempts.turn()).poll(&mut context).is_pending(), "there is a place again");
    }

    #[test]
    fn failures_beyond_a_bound_are_counted_and_told_with_the_next_one() {
        let attempts = Attempts::default();
        let at = |second: i64| Timestamp(second * SECOND);
        for _ in 0..RECORDED_MAX {
            assert_eq!(attempts.record_failure(at(0)), Some(0));
        }
        assert_eq!((attempts.record_failure(at(1)), attempts.record_failure(at(899))), (None, None));
        assert_eq!((attempts.record_failure(at(900)), attempts.record_failure(at(900))), (Some(2), Some(0)));
    }

    #[test]
    fn a_network_is_one_address_and_a_proxy_speaks_only_when_trusted() {
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        assert_eq!(network_of(address("2001:db8::1:2")), network_of(address("2001:db8::ffff:1:2:3")));
        assert_ne!(network_of(address("2001:db8:0:1::1")), network_of(address("2001:db8:0:2::1")));
        assert_eq!(network_of(address("::ffff:10.0.0.1")), address("10.0.0.1"));
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", "1.1.1.1, 2.2.2.2".parse().unwrap());
        let peer = Some(address("127.0.0.1"));
        assert_eq!(address_of(&headers, peer, true), Some(address("2.2.2.2")));
        assert_eq!(address_of(&headers, peer, false), peer);
        assert_eq!(address_of(&HeaderMap::new(), peer, true), peer);
    }
}
