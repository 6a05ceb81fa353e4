//! Holds what was counted here against what the server's ledger says of the same stretch of time.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::calendar::{MINUTE, Moment};
use crate::connection::Connection;
use crate::crew::Counts;

/// The ledger's sums for each key.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Ledger(BTreeMap<u64, Counts>);

impl Ledger {
    /// Reads the ledger from one time to another, by the server's clock.
    pub fn read(connection: &mut Connection, from: Moment, to: Moment) -> Result<Self> {
        let (from, to) = (from.plus(-MINUTE).text(), to.plus(MINUTE).text());
        let answer = connection.get(&format!("/v1/ledger?from={from}&to={to}"))?;
        if !answer.is_success() {
            bail!("the ledger cannot be read: the server answered {}", answer.words());
        }
        Self::parse(&answer.json())
    }

    fn parse(body: &Value) -> Result<Self> {
        let mut keys = BTreeMap::<u64, Counts>::new();
        for row in body["data"].as_array().context("the ledger has no rows")? {
            let number = |value: &Value| {
                value.as_u64().with_context(|| format!("the ledger's row {row} is not as expected"))
            };
            let rejected = row["rejected_by_code"].as_object().into_iter().flatten();
            keys.entry(number(&row["key_id"])?).or_default().add(Counts {
                accepted: number(&row["stored"])?,
                duplicate: number(&row["duplicate"])?,
                refused: rejected
                    .map(|(code, count)| Ok((code.clone(), number(count)?)))
                    .collect::<Result<_>>()?,
                unknown_key: 0,
            });
        }
        Ok(Self(keys))
    }

    /// Fails with a sentence unless one key has gained exactly `sent` since `before`.
    pub fn confirm(&self, before: &Self, sent: &Counts) -> Result<()> {
        let sent = Counts { unknown_key: 0, ..sent.clone() };
        let gains: Vec<Counts> = self.0.iter().map(|(key, now)| gain(now, before.0.get(key))).collect();
        if gains.contains(&sent) {
            return Ok(());
        }
        let found: Vec<String> = gains.iter().map(Counts::sentence).collect();
        bail!(
            "the ledger does not agree: sent were {}, and it has, key by key: {}. Does somebody else send with this key?",
            sent.sentence(),
            if found.is_empty() { "nothing".to_owned() } else { found.join("; ") }
        )
    }
}

fn gain(now: &Counts, before: Option<&Counts>) -> Counts {
    let nothing = Counts::default();
    let before = before.unwrap_or(&nothing);
    let refused = now.refused.iter().map(|(code, count)| {
        (code.clone(), count.saturating_sub(before.refused.get(code).copied().unwrap_or_default()))
    });
    Counts {
        accepted: now.accepted.saturating_sub(before.accepted),
        duplicate: now.duplicate.saturating_sub(before.duplicate),
        refused: refused.filter(|(_, count)| *count > 0).collect(),
        unknown_key: 0,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn ledger(rows: Value) -> Ledger {
        Ledger::parse(&json!({"data": rows})).unwrap()
    }

    fn row(key: u64, stored: u64, duplicate: u64, refused: &Value) -> Value {
        json!({"key_id": key, "stored": stored, "duplicate": duplicate, "rejected_by_code": refused})
    }

    fn sent(accepted: u64, duplicate: u64, refused: &[(&str, u64)], unknown_key: u64) -> Counts {
        let refused = refused.iter().map(|(code, count)| ((*code).to_owned(), *count)).collect();
        Counts { accepted, duplicate, refused, unknown_key }
    }

    #[test]
    fn the_gain_of_one_key_over_its_minutes_is_compared() {
        let before = ledger(json!([row(1, 10, 0, &json!({"id_missing": 1})), row(2, 5, 5, &json!({}))]));
        let after = ledger(json!([
            row(1, 10, 0, &json!({"id_missing": 1})),
            row(1, 7, 2, &json!({"id_missing": 3})),
            row(2, 900, 5, &json!({})),
        ]));
        after.confirm(&before, &sent(7, 2, &[("id_missing", 3)], 4)).unwrap();
        for other in [sent(8, 2, &[("id_missing", 3)], 0), sent(7, 2, &[("id_empty", 3)], 0)] {
            let sentence = after.confirm(&before, &other).unwrap_err().to_string();
            assert!(sentence.contains("7 accepted, 2 duplicate, 3 refused; 895 accepted"), "{sentence}");
        }
    }

    #[test]
    fn a_ledger_of_another_form_is_an_error() {
        assert!(Ledger::parse(&json!({"data": [{"key_id": 1}]})).is_err());
        assert!(Ledger::parse(&json!({})).is_err());
    }
}
