//! The content catalogue: which flows, banners, surveys and so on an environment has, as somebody registered them.
//!
//! Muster shows no content. Events and exports name content by number, and this is where a number gets its title. The
//! items serialise to what the lookups of the contract answer (spec 2.14).

use serde::{Deserialize, Serialize};

use super::id::{EnvironmentId, MemberId};
use super::time::Timestamp;

/// Which content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContentKind {
    /// Flows, which older documents call experiences.
    Flows,
    /// Banners.
    Banners,
    /// Banners and cards that stand inside a page.
    Embeds,
    /// Spotlights.
    Spotlights,
    /// Surveys with their modules.
    Surveys,
    /// Modules of resource centers.
    ResourceCenterModules,
    /// Checklists and their tasks.
    Checklists,
}

impl ContentKind {
    /// Every kind, in the order of the contract.
    pub const ALL: [ContentKind; 7] = [
        ContentKind::Flows,
        ContentKind::Banners,
        ContentKind::Embeds,
        ContentKind::Spotlights,
        ContentKind::Surveys,
        ContentKind::ResourceCenterModules,
        ContentKind::Checklists,
    ];

    /// Its word in paths, files and answers.
    pub fn as_str(self) -> &'static str {
        match self {
            ContentKind::Flows => "flows",
            ContentKind::Banners => "banners",
            ContentKind::Embeds => "embeds",
            ContentKind::Spotlights => "spotlights",
            ContentKind::Surveys => "surveys",
            ContentKind::ResourceCenterModules => "resource_center_modules",
            ContentKind::Checklists => "checklists",
        }
    }

    /// Reads its word.
    pub fn parse(word: &str) -> Option<Self> {
        ContentKind::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// Its items while nothing is registered.
    pub fn nothing(self) -> ContentItems {
        match self {
            ContentKind::Flows | ContentKind::Banners | ContentKind::Spotlights => {
                ContentItems::Titled(Vec::new())
            }
            ContentKind::Embeds => ContentItems::Embeds(Vec::new()),
            ContentKind::Surveys => ContentItems::Surveys(Vec::new()),
            ContentKind::ResourceCenterModules | ContentKind::Checklists => ContentItems::Keyed(Vec::new()),
        }
    }
}

/// What an environment has of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisteredContent {
    /// The environment.
    pub environment: EnvironmentId,
    /// Which content.
    pub kind: ContentKind,
    /// Counts the changes. What was never registered has version 1, so the first change makes it 2.
    pub version: u32,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// The member who did; `None` when it was a key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_by: Option<MemberId>,
    /// The items, in the order in which they were registered.
    pub items: ContentItems,
}

impl RegisteredContent {
    /// The version of what was never registered.
    pub const FIRST_VERSION: u32 = 1;
}

/// Items of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContentItems {
    /// With a number and a title.
    Titled(Vec<TitledItem>),
    /// Embeds.
    Embeds(Vec<EmbedItem>),
    /// Surveys.
    Surveys(Vec<SurveyItem>),
    /// With a key and a name.
    Keyed(Vec<KeyedItem>),
}

impl ContentItems {
    /// How many there are.
    pub fn count(&self) -> usize {
        match self {
            ContentItems::Titled(items) => items.len(),
            ContentItems::Embeds(items) => items.len(),
            ContentItems::Surveys(items) => items.len(),
            ContentItems::Keyed(items) => items.len(),
        }
    }

    /// The items alone, which serialise as a list.
    pub fn list(&self) -> ItemList<'_> {
        match self {
            ContentItems::Titled(items) => ItemList::Titled(items),
            ContentItems::Embeds(items) => ItemList::Embeds(items),
            ContentItems::Surveys(items) => ItemList::Surveys(items),
            ContentItems::Keyed(items) => ItemList::Keyed(items),
        }
    }
}

/// Items as a list.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(untagged)]
pub enum ItemList<'a> {
    /// With a number and a title.
    Titled(&'a [TitledItem]),
    /// Embeds.
    Embeds(&'a [EmbedItem]),
    /// Surveys.
    Surveys(&'a [SurveyItem]),
    /// With a key and a name.
    Keyed(&'a [KeyedItem]),
}

/// A flow, a banner or a spotlight.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TitledItem {
    /// Its number, as events name it.
    pub id: u64,
    /// Its title.
    pub title: String,
}

/// An embed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmbedItem {
    /// Its number.
    pub id: u64,
    /// Its title.
    pub title: String,
    /// Which of the two it is.
    pub r#type: EmbedType,
}

/// What an embed is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EmbedType {
    /// A banner.
    Banner,
    /// A card.
    Card,
}

/// A survey.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SurveyItem {
    /// Its number.
    pub id: u64,
    /// Its title.
    pub title: String,
    /// Where it is shown, such as `web`.
    pub platform: String,
    /// Its questions.
    pub modules: Vec<SurveyModule>,
}

/// A question of a survey.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SurveyModule {
    /// Its number within the survey.
    pub id: u64,
    /// Its place.
    pub order: u64,
    /// How it is answered, such as `open_text`.
    pub r#type: String,
    /// The question.
    pub question: String,
}

/// A checklist, a task of one, or a module of a resource center.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyedItem {
    /// Its name for people.
    pub display_name: String,
    /// Its key, as events name it.
    pub key: String,
    /// What its value is, such as `string`.
    pub data_type: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_registered_reads_back_and_lists_as_the_contract_says() {
        let survey = SurveyItem {
            id: 45,
            title: "CSAT".to_owned(),
            platform: "web".to_owned(),
            modules: vec![SurveyModule {
                id: 1,
                order: 1,
                r#type: "open_text".to_owned(),
                question: "How was it?".to_owned(),
            }],
        };
        let registered = RegisteredContent {
            environment: EnvironmentId(1),
            kind: ContentKind::Surveys,
            version: 2,
            updated_at: Timestamp(5),
            updated_by: None,
            items: ContentItems::Surveys(vec![survey]),
        };
        let text = serde_json::to_string(&registered).unwrap();
        assert_eq!(serde_json::from_str::<RegisteredContent>(&text).unwrap(), registered, "{text}");
        assert_eq!(
            serde_json::to_value(registered.items.list()).unwrap(),
            serde_json::json!([{"id": 45, "title": "CSAT", "platform": "web",
                "modules": [{"id": 1, "order": 1, "type": "open_text", "question": "How was it?"}]}])
        );
    }

    #[test]
    fn every_kind_has_its_own_word_and_an_empty_list_at_first() {
        for kind in ContentKind::ALL {
            assert_eq!(ContentKind::parse(kind.as_str()), Some(kind));
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
            assert_eq!(kind.nothing().count(), 0);
            assert_eq!(serde_json::to_value(kind.nothing().list()).unwrap(), serde_json::json!([]));
        }
        assert_eq!(ContentKind::parse("Flows"), None);
    }
}
