//! Any rules at all, for properties that hold for every rule.

use jiff::civil::Date;
use proptest::prelude::*;

use super::super::json::KINDS;
use super::super::*;
use crate::model::event::EventKind;

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z]{0,4}", "\\PC{0,8}", Just("a \"quoted\" \\ text".to_owned()), Just("and".to_owned())]
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z_]{1,8}",
        "\\PC{1,8}",
        Just("company".to_owned()),
        Just("is".to_owned()),
        Just("`".to_owned())
    ]
}

fn number() -> impl Strategy<Value = Number> {
    prop_oneof![
        any::<i64>().prop_map(|whole| Number::Whole(whole.into())),
        any::<u64>().prop_map(|whole| Number::Whole(whole.into())),
        any::<f64>().prop_filter_map("finite", Number::of_double),
        (-500i32..500).prop_filter_map("finite", |cents| Number::of_double(f64::from(cents) / 100.0)),
    ]
}

fn pair() -> impl Strategy<Value = (Number, Number)> {
    (number(), number()).prop_map(|(a, b)| (a.min(b), a.max(b)))
}

fn day() -> impl Strategy<Value = Date> {
    (1i16..=9999, 1i8..=12, 1i8..=28).prop_map(|(year, month, day)| Date::new(year, month, day).unwrap())
}

fn days() -> impl Strategy<Value = (Date, Date)> {
    (day(), day()).prop_map(|(a, b)| (a.min(b), a.max(b)))
}

fn text_test() -> impl Strategy<Value = TextTest> {
    let list = || prop::collection::vec(text(), 1..4);
    let operator = prop_oneof![
        text().prop_map(TextOperator::Is),
        text().prop_map(TextOperator::IsNot),
        text().prop_map(TextOperator::Contains),
        text().prop_map(TextOperator::ContainsNot),
        text().prop_map(TextOperator::StartsWith),
        text().prop_map(TextOperator::EndsWith),
        list().prop_map(TextOperator::OneOf),
        list().prop_map(TextOperator::NoneOf),
    ];
    (operator, any::<bool>()).prop_map(|(operator, ignore_case)| TextTest { operator, ignore_case })
}

fn number_test() -> impl Strategy<Value = NumberTest> {
    prop_oneof![
        number().prop_map(NumberTest::Equals),
        number().prop_map(NumberTest::Differs),
        number().prop_map(NumberTest::Below),
        number().prop_map(NumberTest::AtMost),
        number().prop_map(NumberTest::Above),
        number().prop_map(NumberTest::AtLeast),
        pair().prop_map(|(low, high)| NumberTest::Between(low, high)),
    ]
}

fn date_test() -> impl Strategy<Value = DateTest> {
    prop_oneof![
        day().prop_map(DateTest::On),
        day().prop_map(DateTest::Before),
        day().prop_map(DateTest::After),
        days().prop_map(|(first, last)| DateTest::Between(first, last)),
        (0u32..400).prop_map(DateTest::InLastDays),
        (0u32..400).prop_map(DateTest::InNextDays),
        (0u32..400).prop_map(DateTest::MoreThanDaysAgo),
    ]
}

fn test() -> impl Strategy<Value = Test> {
    prop_oneof![
        Just(Test::Exists),
        Just(Test::Absent),
        text_test().prop_map(Test::Text),
        number_test().prop_map(Test::Number),
        date_test().prop_map(Test::Date),
    ]
}

fn times() -> impl Strategy<Value = Times> {
    prop_oneof![
        (0u32..4).prop_map(Times::AtLeast),
        (0u32..4).prop_map(Times::AtMost),
        (0u32..4).prop_map(Times::Exactly),
    ]
}

fn window() -> impl Strategy<Value = Window> {
    prop_oneof![
        Just(Window::Ever),
        (0u32..400).prop_map(Window::LastDays),
        days().prop_map(|(first, last)| Window::Between(first, last)),
    ]
}

fn event() -> impl Strategy<Value = EventName> {
    (prop::sample::select(KINDS.to_vec()), name(), any::<bool>()).prop_map(|(kind, name, named)| {
        let name = if named || kind == EventKind::Track { name } else { String::new() };
        EventName { kind, name }
    })
}

fn condition() -> impl Strategy<Value = Condition> {
    let level = || prop_oneof![Just(Level::User), Just(Level::Company)];
    let named = (level(), name(), test()).prop_map(|(of, name, test)| {
        Condition::Property(PropertyCondition { of, field: Field::Named(name), test })
    });
    let id = (level(), text_test()).prop_map(|(of, test)| {
        Condition::Property(PropertyCondition { of, field: Field::Id, test: Test::Text(test) })
    });
    let seen = prop_oneof![Just(Field::FirstSeen), Just(Field::LastSeen)];
    let seen = (level(), seen, date_test()).prop_map(|(of, field, test)| {
        Condition::Property(PropertyCondition { of, field, test: Test::Date(test) })
    });
    let company = prop_oneof![
        Just(CompanyTest::Exists),
        "[a-z]{1,4}".prop_map(CompanyTest::Is),
        prop::collection::vec("[a-z\"]{1,4}", 1..4).prop_map(CompanyTest::OneOf),
    ];
    let filter = (name(), test()).prop_map(|(property, test)| EventFilter { property, test });
    let filters = prop::collection::vec(filter, 0..3);
    let event = (event(), times(), window(), filters).prop_map(|(event, times, window, filters)| {
        Condition::Event(EventCondition { event, times, window, filters })
    });
    let part = prop_oneof![Just(PagePart::Url), Just(PagePart::Path)];
    let page = (part, text_test(), times(), window())
        .prop_map(|(part, test, times, window)| Condition::Page(PageCondition { part, test, times, window }));
    prop_oneof![
        4 => named,
        1 => id,
        1 => seen,
        1 => company.prop_map(Condition::Company),
        3 => event,
        1 => page,
        1 => any::<u32>().prop_map(|id| Condition::Segment(SegmentId(id))),
    ]
}

/// Any rule that a segment of users may have.
pub fn rule() -> impl Strategy<Value = Rule> {
    let one = condition().prop_map(Rule::When);
    let tree = one.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Rule::All),
            prop::collection::vec(inner.clone(), 0..4).prop_map(Rule::Any),
            inner.prop_map(|rule| Rule::Not(Box::new(rule))),
        ]
    });
    tree.prop_map(Rule::plain)
}
