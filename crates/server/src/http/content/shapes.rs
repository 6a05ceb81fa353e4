//! How content reads in the OpenAPI document. The kernel's own types, which serialise to this, know nothing of it.
#![expect(dead_code, reason = "describes what the kernel's own types serialise to")]

use utoipa::ToSchema;

/// Which content.
#[derive(ToSchema)]
#[schema(as = ContentKind, rename_all = "snake_case")]
pub(in crate::http) enum Kind {
    Flows,
    Banners,
    Embeds,
    Spotlights,
    Surveys,
    ResourceCenterModules,
    Checklists,
}

/// What is sent: the items alone, as a lookup answers them, or below `items`.
#[derive(ToSchema)]
#[schema(as = ContentFields)]
#[serde(untagged)]
pub(in crate::http) enum Sent {
    List(Vec<Item>),
    Fields(Items),
}

/// Items.
#[derive(ToSchema)]
#[schema(as = ContentItems)]
pub(in crate::http) struct Items {
    /// The items of the kind; 1,000 at most, each number or key once.
    items: Vec<Item>,
}

/// An item in the shape of its kind.
#[derive(ToSchema)]
#[schema(as = ContentItem)]
#[serde(untagged)]
pub(in crate::http) enum Item {
    Titled(Titled),
    Embed(Embed),
    Survey(Survey),
    Keyed(Keyed),
}

/// A flow, a banner or a spotlight.
#[derive(ToSchema)]
#[schema(as = TitledContent)]
pub(in crate::http) struct Titled {
    /// Its number, as events name it: 0 to 9,007,199,254,740,991.
    #[schema(example = 123)]
    id: u64,
    /// Its title: 1 to 255 characters.
    #[schema(example = "Onboarding")]
    title: String,
}

/// An embed.
#[derive(ToSchema)]
#[schema(as = EmbedContent)]
pub(in crate::http) struct Embed {
    /// Its number.
    #[schema(example = 92)]
    id: u64,
    /// Its title.
    #[schema(example = "New report")]
    title: String,
    /// Which of the two it is.
    r#type: EmbedType,
}

/// What an embed is.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub(in crate::http) enum EmbedType {
    Banner,
    Card,
}

/// A survey.
#[derive(ToSchema)]
#[schema(as = SurveyContent)]
pub(in crate::http) struct Survey {
    /// Its number.
    #[schema(example = 45)]
    id: u64,
    /// Its title.
    #[schema(example = "How satisfied are you?")]
    title: String,
    /// Where it is shown; `web` when it is left out.
    #[schema(example = "web")]
    platform: String,
    /// Its questions, 100 at most; none when left out.
    modules: Vec<Module>,
}

/// A question of a survey.
#[derive(ToSchema)]
#[schema(as = SurveyModule)]
pub(in crate::http) struct Module {
    /// Its number, once in the survey.
    #[schema(example = 1)]
    id: u64,
    /// Its place; that in the list, from 1 on, when it is left out.
    #[schema(example = 1)]
    order: u64,
    /// How it is answered; `open_text` when it is left out.
    #[schema(example = "open_text")]
    r#type: String,
    /// The question: 1 to 1,000 characters.
    #[schema(example = "How was it?")]
    question: String,
}

/// A checklist, a task of one, or a module of a resource center.
#[derive(ToSchema)]
#[schema(as = KeyedContent)]
pub(in crate::http) struct Keyed {
    /// Its name for people; the key when it is left out.
    #[schema(example = "First steps")]
    display_name: String,
    /// Its key, as events name it.
    #[schema(example = "first_steps")]
    key: String,
    /// What its value is; `string` when it is left out.
    #[schema(example = "string")]
    data_type: String,
}
