//! Awkward but legal: what a page must show without breaking, at the first few people.

use serde_json::{Value, json};

/// An unusual id: a number, one that a path must encode, and the longest there is.
pub fn id(person: usize) -> Option<Value> {
    match person {
        5 => Some(json!(700_700)),
        6 => Some(json!("kunde/6 ä?#%")),
        10 => Some(json!("long-".repeat(51))),
        _ => None,
    }
}

/// Unusual values over the usual ones.
pub fn add(person: usize, properties: &mut Value) {
    match person {
        3 => properties["name"] = json!("Łukasz Żółć-O’Brien 👩🏽‍🚀"),
        4 => properties["name"] = json!("ليلى حسن"),
        6 => properties["name"] = json!("山田 太郎（やまだ たろう）"),
        7 => properties["notes"] = json!("A very long note, written in one breath. ".repeat(500)),
        8 => {
            properties["preferences"] =
                json!({"digest": {"weekly": true, "hour": 9}, "channels": ["mail", "push"]});
            properties["tags"] = json!(["beta", "vip", 7, null]);
        }
        9 => {
            properties["name"] = json!("  <b>Bobby</b> \"Tables\"\n'; DROP TABLE users;--\t");
            properties["nickname"] = json!("Z\u{35b}\u{321}a\u{30a}\u{322}l\u{34e}g\u{319}o\u{30f}\u{33a}");
        }
        11 => {
            properties["empty"] = json!("");
            properties["largest_integer"] = json!(u64::MAX);
            properties["smallest_integer"] = json!(i64::MIN);
            properties["tiny"] = json!(5e-324);
            properties["huge"] = json!(1.797_693_134_862_315_7e308);
        }
        12 => {
            properties["price/seat (€) ~ 2026"] = json!(12.5);
            properties["x".repeat(255)] = json!("the longest name there is");
        }
        13 => {
            properties["name"] = Value::Null;
            properties["email"] = Value::Null;
        }
        14 => properties["right_to_left"] = json!("\u{202e}gnp.live\u{202c} and back"),
        _ => {}
    }
}
