//! Reads the items of one kind of content out of a body, and lists everything that is wrong with them at once.
//!
//! What other systems say of an item beyond what a lookup answers is passed over, so that the vendor's own lookups can be sent
//! as they come.

use std::collections::HashSet;

use serde_json::{Map, Value};

use muster_kernel::model::content::{
    ContentItems, ContentKind, EmbedItem, EmbedType, KeyedItem, SurveyItem, SurveyModule, TitledItem,
};
use muster_kernel::model::limits::{
    CONTENT_ID_MAX, CONTENT_ITEMS_MAX, CONTENT_QUESTION_CHARS_MAX, CONTENT_TITLE_CHARS_MAX,
    CONTENT_WORD_CHARS_MAX, PROBLEMS_LISTED_MAX, SURVEY_MODULES_MAX,
};
use muster_kernel::model::problem::{Problem, ProblemCode};

/// The items that a body lists: a list, or an object with one below `items`.
///
/// # Errors
/// Everything that is wrong with them.
pub(super) fn of_body(kind: ContentKind, body: &Value) -> Result<ContentItems, Vec<Problem>> {
    let (pointer, list) = match body {
        Value::Object(fields) => ("/items", fields.get("items").unwrap_or(&Value::Null)),
        list => ("", list),
    };
    let mut reading = Reading::default();
    let items = match kind.nothing() {
        ContentItems::Titled(_) => {
            ContentItems::Titled(reading.each(list, pointer, CONTENT_ITEMS_MAX, titled))
        }
        ContentItems::Embeds(_) => {
            ContentItems::Embeds(reading.each(list, pointer, CONTENT_ITEMS_MAX, embed))
        }
        ContentItems::Surveys(_) => {
            ContentItems::Surveys(reading.each(list, pointer, CONTENT_ITEMS_MAX, survey))
        }
        ContentItems::Keyed(_) => ContentItems::Keyed(reading.each(list, pointer, CONTENT_ITEMS_MAX, keyed)),
    };
    if reading.unlisted > 0 {
        reading.problems.push(Problem::of_more(reading.unlisted));
    }
    if reading.problems.is_empty() { Ok(items) } else { Err(reading.problems) }
}

fn titled(item: &mut Item<'_, '_>) -> TitledItem {
    TitledItem { id: item.id(), title: item.text("title", CONTENT_TITLE_CHARS_MAX, None) }
}

fn embed(item: &mut Item<'_, '_>) -> EmbedItem {
    let TitledItem { id, title } = titled(item);
    let r#type = match item.fields.get("type").and_then(Value::as_str) {
        Some("banner") => EmbedType::Banner,
        Some("card") => EmbedType::Card,
        _ => {
            item.wrong("type", "Give `banner` or `card`.");
            EmbedType::Banner
        }
    };
    EmbedItem { id, title, r#type }
}

fn survey(item: &mut Item<'_, '_>) -> SurveyItem {
    let TitledItem { id, title } = titled(item);
    let platform = item.text("platform", CONTENT_WORD_CHARS_MAX, Some("web"));
    let pointer = format!("{}/modules", item.pointer);
    let none = Value::Array(Vec::new());
    let modules = item.fields.get("modules").filter(|modules| !modules.is_null()).unwrap_or(&none);
    let modules = item.reading.each(modules, &pointer, SURVEY_MODULES_MAX, module);
    SurveyItem { id, title, platform, modules }
}

fn module(item: &mut Item<'_, '_>) -> SurveyModule {
    SurveyModule {
        id: item.id(),
        order: match item.lacks("order") {
            true => item.index as u64 + 1,
            false => item.number("order").unwrap_or_default(),
        },
        r#type: item.text("type", CONTENT_WORD_CHARS_MAX, Some("open_text")),
        question: item.text("question", CONTENT_QUESTION_CHARS_MAX, None),
    }
}

fn keyed(item: &mut Item<'_, '_>) -> KeyedItem {
    let key = item.text("key", CONTENT_TITLE_CHARS_MAX, None);
    if !key.is_empty() {
        item.once("key", key.clone());
    }
    KeyedItem {
        display_name: item.text("display_name", CONTENT_TITLE_CHARS_MAX, Some(&key)),
        data_type: item.text("data_type", CONTENT_WORD_CHARS_MAX, Some("string")),
        key,
    }
}

/// What is wrong so far.
#[derive(Default)]
struct Reading {
    problems: Vec<Problem>,
    unlisted: usize,
}

/// An item that is being read.
struct Item<'a, 'r> {
    fields: &'a Map<String, Value>,
    pointer: String,
    index: usize,
    reading: &'r mut Reading,
    /// Numbers and keys of those before it.
    taken: &'r mut HashSet<String>,
}

impl Reading {
    fn each<T>(
        &mut self,
        list: &Value,
        pointer: &str,
        count_max: usize,
        mut read: impl FnMut(&mut Item<'_, '_>) -> T,
    ) -> Vec<T> {
        let Value::Array(list) = list else {
            self.wrong(pointer.to_owned(), "Send a list of objects here.");
            return Vec::new();
        };
        if list.len() > count_max {
            let message = format!("There are {count_max} items here at most; leave some out.");
            self.wrong(pointer.to_owned(), &message);
            return Vec::new();
        }
        let mut taken = HashSet::new();
        let mut items = Vec::with_capacity(list.len());
        for (index, value) in list.iter().enumerate() {
            let pointer = format!("{pointer}/{index}");
            let Value::Object(fields) = value else {
                self.wrong(pointer, "This is no object.");
                continue;
            };
            items.push(read(&mut Item { fields, pointer, index, reading: self, taken: &mut taken }));
        }
        items
    }

    fn wrong(&mut self, pointer: String, message: &str) {
        if self.problems.len() < PROBLEMS_LISTED_MAX {
            self.problems.push(Problem::at(pointer, ProblemCode::FieldInvalid, message));
        } else {
            self.unlisted += 1;
        }
    }
}

impl Item<'_, '_> {
    fn wrong(&mut self, name: &str, message: &str) {
        self.reading.wrong(format!("{}/{name}", self.pointer), message);
    }

    fn lacks(&self, name: &str) -> bool {
        self.fields.get(name).is_none_or(Value::is_null)
    }

    /// Refuses what another one before it has as well.
    fn once(&mut self, name: &str, text: String) {
        if !self.taken.insert(text) {
            self.wrong(name, "Another one before it has the same; give each its own.");
        }
    }

    fn id(&mut self) -> u64 {
        let id = self.number("id");
        if let Some(id) = id {
            self.once("id", id.to_string());
        }
        id.unwrap_or_default()
    }

    fn number(&mut self, name: &str) -> Option<u64> {
        let number = self.fields.get(name).and_then(Value::as_u64).filter(|number| *number <= CONTENT_ID_MAX);
        if number.is_none() {
            self.wrong(name, &format!("Give a whole number from 0 to {CONTENT_ID_MAX}."));
        }
        number
    }

    /// A text; `absent` is what it is when there is none.
    fn text(&mut self, name: &str, chars_max: usize, absent: Option<&str>) -> String {
        if let Some(absent) = absent.filter(|_| self.lacks(name)) {
            return absent.to_owned();
        }
        let text = self.fields.get(name).and_then(Value::as_str).unwrap_or_default();
        let is_odd = text.trim().is_empty() || text.chars().any(char::is_control);
        if is_odd || text.chars().count() > chars_max {
            let message =
                format!("Give 1 to {chars_max} characters, not only white space, and no control characters.");
            self.wrong(name, &message);
        }
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn wrong(kind: ContentKind, body: &Value) -> Vec<String> {
        let problems = of_body(kind, body).unwrap_err();
        problems.into_iter().map(|problem| problem.pointer).collect()
    }

    #[test]
    fn a_list_reads_alone_and_below_items_and_further_keys_are_passed_over() {
        let list = json!([{"id": 7, "title": "Onboarding", "colour": "red"}, {"id": 0, "title": " x "}]);
        let expected = ContentItems::Titled(vec![
            TitledItem { id: 7, title: "Onboarding".to_owned() },
            TitledItem { id: 0, title: " x ".to_owned() },
        ]);
        assert_eq!(of_body(ContentKind::Flows, &list).as_ref(), Ok(&expected));
        assert_eq!(of_body(ContentKind::Spotlights, &json!({"items": list, "kind": "flows"})), Ok(expected));
    }

    #[test]
    fn what_may_be_left_out_has_a_meaning() {
        let surveys = json!([{"id": 1, "title": "s", "modules": [{"id": 5, "question": "?"}, {"id": 6, "question": "!", "order": 9}]}]);
        let Ok(ContentItems::Surveys(surveys)) = of_body(ContentKind::Surveys, &surveys) else { panic!() };
        let modules: Vec<_> =
            surveys[0].modules.iter().map(|module| (module.order, module.r#type.as_str())).collect();
        assert_eq!(
            (surveys[0].platform.as_str(), modules),
            ("web", vec![(1, "open_text"), (9, "open_text")])
        );
        let Ok(ContentItems::Keyed(lists)) = of_body(ContentKind::Checklists, &json!([{"key": "first"}]))
        else {
            panic!()
        };
        assert_eq!((lists[0].display_name.as_str(), lists[0].data_type.as_str()), ("first", "string"));
    }

    #[test]
    fn everything_wrong_is_told_at_once_with_its_place() {
        for body in [json!(null), json!("x"), json!(3)] {
            assert_eq!(wrong(ContentKind::Flows, &body), [""]);
        }
        assert_eq!(wrong(ContentKind::Flows, &json!({})), ["/items"]);
        let flows = json!([
            {"id": "7", "title": "x"}, 3, {"id": 1.5, "title": ""}, {"id": 1u64 << 53, "title": "a\nb"},
            {"id": 4, "title": "x".repeat(256)}, {"id": 4, "title": "y"},
        ]);
        assert_eq!(
            wrong(ContentKind::Flows, &flows),
            ["/0/id", "/1", "/2/id", "/2/title", "/3/id", "/3/title", "/4/title", "/5/id"]
        );
        let embeds = json!([{"id": 1, "title": "x", "type": "popup"}, {"id": 2, "title": "x"}]);
        assert_eq!(wrong(ContentKind::Embeds, &embeds), ["/0/type", "/1/type"]);
        let surveys =
            json!([{"id": 1, "title": "s", "modules": {}}, {"id": 2, "title": "s", "modules": [{"id": 1}]}]);
        assert_eq!(wrong(ContentKind::Surveys, &surveys), ["/0/modules", "/1/modules/0/question"]);
        let lists = json!([{"key": "a"}, {"key": "a"}, {"display_name": "b"}]);
        assert_eq!(wrong(ContentKind::Checklists, &lists), ["/1/key", "/2/key"]);
        let many = Value::Array(vec![json!({}); CONTENT_ITEMS_MAX + 1]);
        assert_eq!(wrong(ContentKind::Banners, &many), [""]);
        let modules = vec![json!({}); SURVEY_MODULES_MAX + 1];
        let survey = json!([{"id": 1, "title": "s", "modules": modules}]);
        assert_eq!(wrong(ContentKind::Surveys, &survey), ["/0/modules"]);
        let all_wrong = Value::Array(vec![json!(1); 500]);
        assert_eq!(of_body(ContentKind::Banners, &all_wrong).unwrap_err().len(), 101);
    }
}
