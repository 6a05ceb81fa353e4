//! Sends calls over several connections at once, holds every answer against what was expected, and counts.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use anyhow::{Result, anyhow, bail};

use crate::call::{Call, Expected};
use crate::connection::{Answer, Connection};
use crate::thousands;

/// What became of the calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Stored.
    pub accepted: u64,
    /// Known from before.
    pub duplicate: u64,
    /// Refused, by code.
    pub refused: BTreeMap<String, u64>,
    /// Refused with a key that belongs to no environment, and so counted in no ledger.
    pub unknown_key: u64,
}

impl Counts {
    /// All calls that were refused.
    pub fn refused(&self) -> u64 {
        self.refused.values().sum::<u64>() + self.unknown_key
    }

    /// All calls.
    pub fn all(&self) -> u64 {
        self.accepted + self.duplicate + self.refused()
    }

    /// As words for a sentence.
    pub fn sentence(&self) -> String {
        let [accepted, duplicate, refused] = [self.accepted, self.duplicate, self.refused()].map(thousands);
        format!("{accepted} accepted, {duplicate} duplicate, {refused} refused")
    }

    /// Adds what others counted.
    pub fn add(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.duplicate += other.duplicate;
        self.unknown_key += other.unknown_key;
        for (code, count) in other.refused {
            *self.refused.entry(code).or_default() += count;
        }
    }

    /// Counts an answer; fails with a sentence when it is not the one that was expected.
    pub fn take(&mut self, call: &Call, answer: &Answer) -> Result<()> {
        let is_expected = match call.expected {
            Expected::Accepted => answer.is_success(),
            Expected::Duplicate => answer.is_success() && answer.is_duplicate,
            Expected::Refused(status, code) => answer.status == status && answer.code() == code,
        };
        if !is_expected {
            bail!(unexpected(call, answer));
        }
        match call.expected {
            Expected::Refused(..) if !call.key_is_known => self.unknown_key += 1,
            Expected::Refused(_, code) => *self.refused.entry(code.to_owned()).or_default() += 1,
            _ if answer.is_duplicate => self.duplicate += 1,
            _ => self.accepted += 1,
        }
        Ok(())
    }
}

fn unexpected(call: &Call, answer: &Answer) -> String {
    const SHOWN: usize = 300;
    let expected = match call.expected {
        Expected::Accepted => "success".to_owned(),
        Expected::Duplicate => "success as a repetition".to_owned(),
        Expected::Refused(status, code) => format!("{status} {code}"),
    };
    let body: String = String::from_utf8_lossy(&call.body).chars().take(SHOWN).collect();
    let (method, path, words) = (call.method, &call.path, answer.words());
    format!("{method:?} {path} was answered {words} and not {expected}. The body began: {body}")
}

/// Several connections to one server.
pub struct Crew {
    connections: Vec<Connection>,
}

impl Crew {
    /// Opens the connections.
    pub fn gather(host: SocketAddr, key: &str, count: usize) -> Result<Self> {
        let connections = (0..count.max(1)).map(|_| Connection::open(host, key)).collect::<Result<_>>()?;
        Ok(Self { connections })
    }

    /// Any of the connections.
    pub fn one(&mut self) -> &mut Connection {
        &mut self.connections[0]
    }

    /// Sends all calls, those of one lane in their order. At the first unexpected answer each connection stops.
    pub fn send(&mut self, calls: &[Call]) -> Result<Counts> {
        let count = self.connections.len();
        let mut parts: Vec<Vec<&Call>> = vec![Vec::new(); count];
        for call in calls {
            parts[call.lane % count].push(call);
        }
        std::thread::scope(|scope| {
            let pairs = self.connections.iter_mut().zip(parts);
            let running: Vec<_> =
                pairs.map(|(connection, part)| scope.spawn(|| send_part(connection, part))).collect();
            let mut all = Counts::default();
            for thread in running {
                all.add(thread.join().map_err(|_| anyhow!("a sending thread panicked"))??);
            }
            Ok(all)
        })
    }
}

fn send_part(connection: &mut Connection, calls: Vec<&Call>) -> Result<Counts> {
    let mut counts = Counts::default();
    for call in calls {
        let answer = connection.send(call)?;
        counts.take(call, &answer)?;
    }
    Ok(counts)
}
