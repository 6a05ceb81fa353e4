//! Both forms give back the rule that they were made from, and say where they are none.

use proptest::prelude::*;
use serde_json::Value;

use super::super::{Level, Rule};
use super::rules::rule;
use crate::model::limits::{RULE_CONDITIONS_MAX, RULE_DEPTH_MAX};

const DOCUMENT: &str = include_str!("../../../../../../docs/SEGMENTS.md");

proptest! {
    #[test]
    fn a_rule_comes_back_from_its_text_and_from_its_json(rule in rule()) {
        let text = rule.to_string();
        let parsed = Rule::parse(&text);
        prop_assert_eq!(parsed.as_ref(), Ok(&rule), "{}", text);
        let json = serde_json::to_string(&rule).unwrap();
        let value: Value = serde_json::from_str(&json).unwrap();
        let read = Rule::from_json(&value, Level::User, "");
        prop_assert_eq!(read.as_ref(), Ok(&rule), "{}", json);
    }

    #[test]
    fn no_text_brings_the_reader_down(text in "[a-z \"`(),.$<>=!0-9-]{0,40}|\\PC{0,40}") {
        if let Err(fault) = Rule::parse(&text) {
            prop_assert!(fault.column <= text.chars().count() + 1, "{}", fault);
        }
    }
}

/// The blocks of the document with their languages.
fn blocks() -> Vec<(&'static str, &'static str)> {
    let fenced = DOCUMENT.split("```").skip(1).step_by(2);
    let blocks: Vec<_> =
        fenced.filter_map(|block| block.split_once('\n')).filter(|(word, _)| !word.is_empty()).collect();
    assert!(blocks.len() > 10, "the document has examples");
    blocks
}

#[test]
fn the_document_says_what_is_so() {
    let mut rules = Vec::new();
    for (language, block) in blocks() {
        let block = block.trim_end();
        match language {
            "rule" => {
                let rule = Rule::parse(block).unwrap_or_else(|fault| panic!("{block}: {fault}"));
                assert_eq!(rule.to_string(), block);
                rules.push(rule);
            }
            "json" => {
                let value = serde_json::from_str(block).unwrap_or_else(|error| panic!("{block}: {error}"));
                assert_eq!(
                    Rule::from_json(&value, Level::User, "").as_ref(),
                    Ok(&rules[rules.len() - 1]),
                    "{block}"
                );
            }
            "fault" => {
                let (text, fault) = block.split_once('\n').unwrap();
                assert_eq!(Rule::parse(text).unwrap_err().to_string(), fault);
            }
            other => panic!("nobody reads {other}"),
        }
    }
    // Every operator of the table is one.
    let row = |kind: &str| DOCUMENT.lines().find(|line| line.starts_with(&format!("| {kind} | `"))).unwrap();
    let mut count = 0;
    for kind in ["any", "string", "numeric", "date"] {
        let cells: Vec<&str> = row(kind).split(" | ").collect();
        let written = |cell: &'static str| cell.split('`').skip(1).step_by(2);
        for (test, operator) in written(cells[1]).zip(written(cells[2])) {
            let rule = Rule::parse(&format!("p {test}")).unwrap_or_else(|fault| panic!("{test}: {fault}"));
            let value = serde_json::to_value(&rule).unwrap();
            assert_eq!(value["operator"], operator, "{test}");
            assert_eq!(value.get("type").map_or("any", |word| word.as_str().unwrap()), kind, "{test}");
            count += 1;
        }
        assert_eq!(written(cells[1]).count(), written(cells[2]).count(), "{kind}");
    }
    assert_eq!(count, 24);
}

#[test]
fn every_way_of_writing_means_the_same() {
    for (written, plain) in [
        ("PLAN IS NOT 5 AND (everyone)", "PLAN != 5 and everyone"),
        ("((a exists))", "a exists"),
        ("a exists or b exists and c exists", "a exists or (b exists and c exists)"),
        ("not not a exists", "not not a exists"),
        ("a is before 2026-01-01", "a before 2026-01-01"),
        ("a ≠ 1 or a <> 1 or a == 1", "a != 1 or a != 1 or a = 1"),
        ("vip is true", "vip is \"true\""),
        ("did \"x\" exactly 0 times ever", "did not \"x\""),
        ("did \"x\" at least 1 time", "did \"x\""),
        ("viewed page \"/a\"", "viewed page path is \"/a\""),
        ("company is not \"a\"", "not company is \"a\""),
        ("`plan` exists\n  and company.`is` exists", "plan exists and company.`is` exists"),
    ] {
        assert_eq!(Rule::parse(written).map(|rule| rule.to_string()), Ok(plain.to_owned()), "{written}");
    }
}

#[test]
fn a_fault_names_its_column_and_what_was_expected() {
    for (text, fault) in [
        (
            "",
            "column 1: expected a condition: a property, `company`, `did`, `viewed`, `in segment`, `not` or `(`, found the end",
        ),
        ("plan", "column 5: expected a test such as `is`, `>` or `exists`, found the end"),
        ("plan is \"pro", "column 9: expected a closing \", found the end"),
        (
            "plan is pro",
            "column 9: expected a test such as `is`, `contains`, `between`, `before` or `exists`, found pro",
        ),
        ("é exists", "column 1: expected a word, a name, a value or a parenthesis, found é"),
        ("`é` exists x", "column 12: expected `and`, `or` or the end, found x"),
        ("(a exists", "column 10: expected `)`, found the end"),
        ("a before 2026-02-30", "column 10: expected a number, or a day as YYYY-MM-DD, found 2026-02-30"),
        ("a > \"5\"", "column 5: expected a number, found \"5\""),
        ("did \"x\" at least three times", "column 18: expected a number of times, found three"),
        ("did \"x\" in the last 3 weeks", "column 23: expected `days` or `day`, found weeks"),
        ("in segment seven", "column 12: expected the number of a segment, found seven"),
        ("company is one of (\"a\" \"b\")", "column 24: expected `,` or `)`, found \"b\""),
        ("$seen exists", "column 1: expected `$id`, `$first_seen` or `$last_seen`, found $seen"),
        ("a contains \"\\n\"", "column 13: expected \" or \\ behind a \\, found n"),
    ] {
        assert_eq!(Rule::parse(text).unwrap_err().to_string(), fault, "{text}");
    }
    let deep = format!("{}a exists{}", "(".repeat(1000), ")".repeat(1000));
    assert!(Rule::parse(&deep).unwrap_err().to_string().contains("fewer parentheses"));
}

#[test]
fn json_is_read_strictly_and_all_problems_are_told() {
    let problems = |text: &str, level| {
        let value: Value = serde_json::from_str(text).unwrap();
        let problems = Rule::from_json(&value, level, "/rule").unwrap_err();
        problems.into_iter().map(|problem| problem.pointer).collect::<Vec<_>>()
    };
    let user = |text| problems(text, Level::User);
    assert_eq!(user("7"), ["/rule"]);
    assert_eq!(user(r#"{"all": {}}"#), ["/rule/all"]);
    let text = r#"{"all": [
        {"condition": "property", "name": "a", "type": "string", "operator": "is", "value": true},
        {"condition": "property", "name": "", "type": "text", "operator": "is", "value": "x", "a/b": 1},
        {"any": [{"condition": "event", "name": "x", "times": {"at_least": -1}, "window": 5, "where": [{"operator": "exists"}]}]},
        {"condition": "auto", "name": "seen", "type": "date", "operator": "on", "value": "2026-1-5"},
        {"not": {"condition": "segment", "id": "7"}}], "also": 1}"#;
    assert_eq!(
        user(text),
        [
            "/rule/also",
            "/rule/all/0/value",
            "/rule/all/1/a~1b",
            "/rule/all/1/name",
            "/rule/all/1/type",
            "/rule/all/2/any/0/times",
            "/rule/all/2/any/0/window",
            "/rule/all/2/any/0/where/0/name",
            "/rule/all/3/name",
            "/rule/all/3/value",
            "/rule/all/4/not/id",
        ]
    );
    let of_user = r#"{"any": [{"condition": "property", "name": "a", "operator": "exists"}, {"any": []}]}"#;
    assert_eq!(problems(of_user, Level::Company), ["/rule/any/0/of"]);
    let typed =
        r#"{"condition": "auto", "name": "last_seen", "type": "numeric", "operator": "above", "value": 5}"#;
    assert_eq!(user(typed), ["/rule/type"]);
    let swapped = r#"{"condition": "property", "name": "n", "type": "numeric", "operator": "between", "value": [5, 1]}"#;
    assert_eq!(user(swapped), ["/rule/value"]);
}

#[test]
fn what_is_too_deep_too_long_or_too_much_is_refused() {
    let condition = || Rule::parse("a exists").unwrap();
    let deep = |levels: usize| (0..levels).fold(condition(), |rule, _| Rule::Not(Box::new(rule)));
    assert_eq!(deep(RULE_DEPTH_MAX - 1).problems(Level::User), []);
    assert_eq!(deep(RULE_DEPTH_MAX).problems(Level::User).len(), 1);
    let wide = |count| Rule::Any((0..count).map(|_| condition()).collect());
    assert_eq!(wide(RULE_CONDITIONS_MAX).problems(Level::User), []);
    assert_eq!(wide(RULE_CONDITIONS_MAX + 1).problems(Level::User).len(), 1);
    for text in [
        "a in the last 40000 days".to_owned(),
        "did \"x\" at least 1000001 times".to_owned(),
        "did \"x\" in the last 40000 days where (a between 5 and 4)".to_owned(),
        format!("a is \"{}\"", "x".repeat(1025)),
    ] {
        assert!(!Rule::parse(&text).unwrap().problems(Level::User).is_empty(), "{text}");
    }
    let list = vec!["\"x\""; 1001].join(", ");
    assert!(
        Rule::parse(&format!("a is one of ({list})"))
            .unwrap_err()
            .to_string()
            .contains("1000 values at most")
    );
}
