//! What a row of history says of page and device (spec 2.9), read by both readers and put into the event's context.
//!
//! `url` counts before `hostname` and `pathname`. A `user_agent` counts before `browser` and `operating_system`: the
//! server works those out of it, so that what a row says of them is left out here, and two rows that differ in it alone are one.

use std::borrow::Cow;

use crate::model::event::{EventKind, Source};
use crate::model::property::Properties;
use crate::model::value::Value;

/// Where in [`Page`] a text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PageText {
    Url,
    Hostname,
    Pathname,
    UserAgent,
    OperatingSystem,
    Browser,
    BrowserLanguage,
    CountryCode,
    DeviceType,
}

impl PageText {
    pub(super) const ALL: [PageText; 9] = [
        PageText::Url,
        PageText::Hostname,
        PageText::Pathname,
        PageText::UserAgent,
        PageText::OperatingSystem,
        PageText::Browser,
        PageText::BrowserLanguage,
        PageText::CountryCode,
        PageText::DeviceType,
    ];

    /// The key that it stands under.
    pub(super) fn name(self) -> &'static str {
        match self {
            PageText::Url => "url",
            PageText::Hostname => "hostname",
            PageText::Pathname => "pathname",
            PageText::UserAgent => "user_agent",
            PageText::OperatingSystem => "operating_system",
            PageText::Browser => "browser",
            PageText::BrowserLanguage => "browser_language",
            PageText::CountryCode => "country_code",
            PageText::DeviceType => "device_type",
        }
    }
}

/// Page and device of one row; an empty text is none.
#[derive(Debug, Default)]
pub(super) struct Page<'a> {
    texts: [Cow<'a, str>; 9],
    pub screen_width: Option<i64>,
    pub screen_height: Option<i64>,
}

/// What keeps a row with this page from being taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PageFault {
    /// `url` has no host.
    Url,
    /// A key is missing.
    Missing(&'static str),
}

impl<'a> Page<'a> {
    pub(super) fn set(&mut self, at: PageText, text: Cow<'a, str>) {
        self.texts[at as usize] = text;
    }

    fn text(&self, at: PageText) -> &str {
        &self.texts[at as usize]
    }

    /// Puts what there is into the context of an event of this kind and source, settled.
    pub(super) fn put(
        &self,
        kind: EventKind,
        source: Source,
        into: &mut Properties,
    ) -> Result<(), PageFault> {
        let url = self.text(PageText::Url);
        let read = if url.is_empty() { None } else { Some(host_and_path(url).ok_or(PageFault::Url)?) };
        let (hostname, pathname) = match &read {
            Some((host, path)) => (host.as_str(), *path),
            None => (self.text(PageText::Hostname), self.text(PageText::Pathname)),
        };
        let user_agent = self.text(PageText::UserAgent);
        let is_web = source == Source::WebClient;
        let needs_page = is_web || kind == EventKind::PageView;
        for (is_needed, name, text) in [
            (needs_page, "hostname", hostname),
            (needs_page, "pathname", pathname),
            (is_web, "user_agent", user_agent),
        ] {
            if is_needed && text.is_empty() {
                return Err(PageFault::Missing(name));
            }
        }
        let derived = |at| if user_agent.is_empty() { self.text(at) } else { "" };
        for (name, text) in [
            ("browser", derived(PageText::Browser)),
            ("browser_language", self.text(PageText::BrowserLanguage)),
            ("country_code", self.text(PageText::CountryCode)),
            ("device_type", self.text(PageText::DeviceType)),
            ("hostname", hostname),
            ("operating_system", derived(PageText::OperatingSystem)),
            ("pathname", pathname),
            ("user_agent", user_agent),
        ] {
            if !text.is_empty() {
                into.push(name, Value::Text(text));
            }
        }
        for (name, number) in [("screen_height", self.screen_height), ("screen_width", self.screen_width)] {
            if let Some(number) = number {
                into.push(name, Value::Int(number));
            }
        }
        into.settle();
        Ok(())
    }
}

/// Host and path of an absolute URL; without scheme, port, credentials, query and fragment. The host comes in lower case,
/// the path as it was sent and at least as `/`.
pub(super) fn host_and_path(url: &str) -> Option<(String, &str)> {
    let url = url.trim();
    let rest = match url.split_once("://") {
        Some((scheme, rest)) if is_scheme(scheme) => rest,
        _ => url.strip_prefix("//")?,
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, behind) = rest.split_at(end);
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = match host.strip_prefix('[') {
        Some(numbered) => numbered.split_once(']')?.0,
        None => host.split_once(':').map_or(host, |(host, _)| host),
    };
    if host.is_empty() || host.contains(|letter: char| letter.is_whitespace() || letter.is_control()) {
        return None;
    }
    let path = behind.split(['?', '#']).next().unwrap_or_default();
    Some((host.to_lowercase(), if path.is_empty() { "/" } else { path }))
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::host_and_path;

    #[test]
    fn a_url_is_its_host_and_its_path() {
        for (url, host, path) in [
            ("https://app.example.com/a/b?c=d#e", "app.example.com", "/a/b"),
            ("http://App.Example.com:8080", "app.example.com", "/"),
            ("https://me:secret@example.com/x@y", "example.com", "/x@y"),
            ("https://[2001:db8::1]:443/v6", "2001:db8::1", "/v6"),
            ("//cdn.example.com?x=/y", "cdn.example.com", "/"),
            (" https://bücher.example/straße ", "bücher.example", "/straße"),
            ("chrome-extension://abc/page.html", "abc", "/page.html"),
        ] {
            assert_eq!(host_and_path(url), Some((host.to_owned(), path)), "{url}");
        }
        for url in [
            "",
            "/only/a/path",
            "example.com/a",
            "https://",
            "https:///a",
            "https://@/a",
            "a b://c",
            "https://a b/",
        ] {
            assert_eq!(host_and_path(url), None, "{url}");
        }
    }
}
