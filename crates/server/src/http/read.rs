//! What every read has: a position to wait for, parameters, pages and an id in the path.

use std::borrow::Cow;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, RawPathParams};
use axum::http::Request;
use axum::http::request::Parts;
use tokio::time::{Instant, MissedTickBehavior, interval};

use muster_kernel::model::id::{CompanyId, IdFault, JobId, PositionToken, UserId};
use muster_kernel::model::limits::{PAGE_ITEMS_DEFAULT, PAGE_ITEMS_MAX};
use muster_kernel::model::page::Cursor;
use muster_kernel::model::problem::{Problem, ProblemCode};

use super::answer::POSITION;
use super::caller::Purpose;
use super::cursor::{PageAsked, Question};
use super::edge::Edge;
use super::error::{Refused, id_problem};
use super::reader::Reader;

/// Parameters that decide which items a list has, and in which order; every other one says how they are shown, or is ignored.
const OF_THE_LIST: [&str; 16] = [
    "after",
    "as_of",
    "company_id",
    "event",
    "filter",
    "from",
    "known_at",
    "owner",
    "ids",
    "property",
    "q",
    "segment",
    "sort",
    "to",
    "type",
    "user_id",
];

/// How often a waiting read looks whether its position is there. The log has no bell to wait for: a read that waits is
/// rare (it was sent before its own write was visible), and one look is one atomic load.
const LOOK_EVERY: std::time::Duration = std::time::Duration::from_millis(2);

/// A call without its body, which is ignored where none is asked for.
pub(super) struct Head(Parts);

impl Head {
    /// Of a call whose body the handler reads itself.
    pub(super) fn of(parts: Parts) -> Self {
        Head(parts)
    }
}

impl std::ops::Deref for Head {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl<S: Sync> FromRequest<S> for Head {
    type Rejection = std::convert::Infallible;

    async fn from_request(request: Request<Body>, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Head(request.into_parts().0))
    }
}

/// A read: its query, and the position up to which everything is visible to it.
pub(super) struct Reading {
    /// Up to where everything is visible.
    pub position: PositionToken,
    /// The parameters.
    pub query: Query,
}

/// Waits for the position that the caller asks for; without one, answers at once.
///
/// # Errors
/// When the position is none of this environment, or is not reached in time.
pub(super) async fn begin<P: Purpose>(
    edge: &Edge,
    reader: &Reader<P>,
    head: &Head,
) -> Result<Reading, Refused> {
    let query = Query::of(head);
    let visible = || edge.parts.log.visible(reader.environment()).map_err(Refused::from);
    let Some(wanted) = wanted_position(reader, head, &query)? else {
        return Ok(Reading { position: reader.token(visible()?), query });
    };
    let deadline = Instant::now() + edge.settings().read_wait();
    let mut looks = interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        let position = visible()?;
        if position >= wanted.position {
            return Ok(Reading { position: reader.token(position), query });
        }
        if Instant::now() >= deadline {
            let message =
                "The position asked for is not visible yet; send the call again after `Retry-After` seconds.";
            return Err(Problem::of_call(ProblemCode::PositionNotReached, message).into());
        }
    }
}

fn wanted_position<P: Purpose>(
    reader: &Reader<P>,
    head: &Head,
    query: &Query,
) -> Result<Option<PositionToken>, Refused> {
    let text = match head.headers.get(POSITION) {
        Some(value) => Cow::Borrowed(value.to_str().unwrap_or("?")),
        None => match query.get("position") {
            Some(text) => text,
            None => return Ok(None),
        },
    };
    position_of(reader, &text, "position").map(Some)
}

/// A position of the caller's environment.
///
/// # Errors
/// When it is none, or belongs to another life of the data.
pub(super) fn position_of<P: Purpose>(
    reader: &Reader<P>,
    text: &str,
    parameter: &str,
) -> Result<PositionToken, Refused> {
    let token = text.parse::<PositionToken>().ok().filter(|token| token.incarnation == reader.incarnation());
    token.ok_or_else(|| {
        let message = format!(
            "`{parameter}` is no position that this environment gave; send one from an answer of it."
        );
        Problem::of_call(ProblemCode::PositionInvalid, message).into()
    })
}

/// The query of a call. Names that a route does not know are ignored; of a name that stands twice the last counts.
pub(super) struct Query {
    path: String,
    text: String,
}

impl Query {
    pub(super) fn of(head: &Head) -> Self {
        Query::of_parts(head)
    }

    /// As [`Query::of`], where the body is still to be read.
    pub(super) fn of_parts(parts: &Parts) -> Self {
        Query { path: parts.uri.path().to_owned(), text: parts.uri.query().unwrap_or_default().to_owned() }
    }

    /// A query as it stands in a test.
    #[cfg(test)]
    pub(super) fn of_text(text: String) -> Self {
        Query { path: String::new(), text }
    }

    fn pairs(&self) -> form_urlencoded::Parse<'_> {
        form_urlencoded::parse(self.text.as_bytes())
    }

    /// A parameter; an empty one counts as absent.
    pub(super) fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        let named = self.pairs().filter(|(found, _)| found == name);
        named.last().map(|(_, value)| value).filter(|value| !value.is_empty())
    }

    /// Every value of a parameter that may be repeated; empty ones count as absent.
    pub(super) fn all(&self, name: &str) -> Vec<String> {
        let named = self.pairs().filter(|(found, _)| found == name);
        named.map(|(_, value)| value.into_owned()).filter(|value| !value.is_empty()).collect()
    }

    /// Refuses a parameter that is none of these: for questions that would mean something else without it.
    pub(super) fn refuse_others(&self, known: &[&str]) -> Result<(), Problem> {
        let mut names = self.pairs().map(|(name, _)| name);
        match names.find(|name| !known.contains(&name.as_ref())) {
            None => Ok(()),
            Some(name) => Err(invalid(format!(
                "There is no parameter {name:?} here; those are `{}`.",
                known.join("`, `")
            ))),
        }
    }

    /// `true`, or nothing at all.
    pub(super) fn flag(&self, name: &str) -> Result<bool, Problem> {
        match self.get(name).as_deref() {
            None | Some("false" | "0") => Ok(false),
            Some("true" | "1") => Ok(true),
            Some(_) => Err(invalid(format!("`{name}` is neither `true` nor `false`."))),
        }
    }

    /// How many items a page may have.
    pub(super) fn limit(&self) -> Result<usize, Problem> {
        let Some(text) = self.get("limit") else { return Ok(PAGE_ITEMS_DEFAULT) };
        let number = text.parse().ok().filter(|number| (1..=PAGE_ITEMS_MAX).contains(number));
        number.ok_or_else(|| invalid(format!("`limit` is no number from 1 to {PAGE_ITEMS_MAX}.")))
    }

    /// Where the page starts.
    fn cursor(&self) -> Result<Option<Cursor>, Problem> {
        let Some(text) = self.get("cursor") else { return Ok(None) };
        self.question().cursor_of(&text).map(Some).ok_or_else(|| {
            let message = "`cursor` is not one that this list gave for these parameters; send them as they were, or start \
                           again without it.";
            Problem::of_call(ProblemCode::CursorInvalid, message)
        })
    }

    /// The question that a cursor of the list belongs to.
    fn question(&self) -> Question {
        let mut pairs: Vec<_> = self.pairs().filter(|(_, value)| !value.is_empty()).collect();
        pairs.retain(|(name, _)| OF_THE_LIST.contains(&name.as_ref()));
        // In a stable order: of a name that stands more than once the order may mean something.
        pairs.sort_by(|(one, _), (other, _)| one.cmp(other));
        let path: Vec<u8> = percent_encoding::percent_decode_str(&self.path).collect();
        let pairs = pairs.into_iter().flat_map(|(name, value)| [name, value]);
        Question::of([path].into_iter().chain(pairs.map(|text| text.into_owned().into_bytes())))
    }

    /// The page that is asked for.
    ///
    /// # Errors
    /// When `limit` is none, or `cursor` none of this list.
    pub(super) fn page(&self) -> Result<PageAsked, Problem> {
        Ok(PageAsked { cursor: self.cursor()?, ..self.first_page()? })
    }

    /// The same, of a list that has no other place to start.
    pub(super) fn first_page(&self) -> Result<PageAsked, Problem> {
        Ok(PageAsked { limit: self.limit()?, cursor: None, question: self.question() })
    }

    /// The beginning of an id, an e-mail address or a name.
    pub(super) fn search(&self) -> Option<String> {
        self.get("q").map(Cow::into_owned)
    }
}

/// A parameter that is not what it should be.
pub(super) fn invalid(message: String) -> Problem {
    Problem::of_call(ProblemCode::ParameterInvalid, message)
}

/// An id in the path, parsed once. The handler asks for it after the caller is known, so that a bad one is counted.
pub(super) struct InPath<T>(Result<T, IdFault>);

impl<T> InPath<T> {
    /// The id.
    ///
    /// # Errors
    /// When the text in the path is none.
    pub(super) fn id(self) -> Result<T, Refused> {
        self.0.map_err(|fault| id_problem(fault).into())
    }
}

/// An id that a path can hold.
pub(super) trait PathId: Sized + Send {
    /// Takes a decoded text.
    fn of(text: &str) -> Result<Self, IdFault>;
}

impl PathId for UserId {
    fn of(text: &str) -> Result<Self, IdFault> {
        UserId::parse(text)
    }
}

impl PathId for CompanyId {
    fn of(text: &str) -> Result<Self, IdFault> {
        CompanyId::parse(text)
    }
}

impl PathId for JobId {
    fn of(text: &str) -> Result<Self, IdFault> {
        JobId::parse(text)
    }
}

/// A text that is looked up as it stands.
pub(super) struct Plain(pub String);

impl PathId for Plain {
    fn of(text: &str) -> Result<Self, IdFault> {
        Ok(Plain(text.to_owned()))
    }
}

impl<T: PathId> FromRequestParts<Arc<Edge>> for InPath<T> {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, edge: &Arc<Edge>) -> Result<Self, Self::Rejection> {
        let parameters = RawPathParams::from_request_parts(parts, edge).await;
        // Bytes that are no UTF-8 are no id; nearest to what is wrong with them is a character that cannot be shown.
        let id = match &parameters {
            Ok(parameters) => parameters.iter().next().map_or(Err(IdFault::Empty), |(_, text)| T::of(text)),
            Err(_) => Err(IdFault::ControlCharacter),
        };
        Ok(InPath(id))
    }
}

/// Runs what may take longer than a few microseconds beside the edge thread.
///
/// # Errors
/// What `work` answers.
pub(super) async fn aside<T: Send + 'static>(
    edge: &Arc<Edge>,
    work: impl FnOnce(&Edge) -> Result<T, Refused> + Send + 'static,
) -> Result<T, Refused> {
    let edge = Arc::clone(edge);
    match tokio::task::spawn_blocking(move || work(&edge)).await {
        Ok(outcome) => outcome,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_) => Err(Refused::internal("a read was cancelled")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> Query {
        Query::of_text(text.to_owned())
    }

    #[test]
    fn parameters_are_decoded_and_the_last_counts() {
        assert_eq!(query("q=a&q=b%20c+d").search().as_deref(), Some("b c d"));
        assert_eq!(query("q=").search(), None);
        assert_eq!(query("other=1").search(), None);
    }

    #[test]
    fn limits_flags_and_cursors_are_exact() {
        assert_eq!(query("").limit(), Ok(PAGE_ITEMS_DEFAULT));
        assert_eq!(query("limit=1000").limit(), Ok(1000));
        for bad in ["limit=0", "limit=1001", "limit=x", "limit=-1", "limit=1.5"] {
            assert_eq!(query(bad).limit().unwrap_err().code, ProblemCode::ParameterInvalid, "{bad}");
        }
        assert_eq!(query("detail=true").flag("detail"), Ok(true));
        assert_eq!(query("").flag("detail"), Ok(false));
        assert_eq!(query("detail=yes").flag("detail").unwrap_err().code, ProblemCode::ParameterInvalid);
        let cursor = Cursor(vec![b'a']);
        let text = query("sort=id&q=a").question().text_of(&cursor);
        for same in ["sort=id&q=a", "q=a&sort=id&limit=5&detail=true&segment=&position=x"] {
            assert_eq!(query(&format!("{same}&cursor={text}")).cursor(), Ok(Some(cursor.clone())), "{same}");
        }
        for other in ["sort=last_seen&q=a", "q=a", "sort=id&q=b", "sort=id&q=a&segment=1"] {
            let refused = query(&format!("{other}&cursor={text}")).cursor().unwrap_err();
            assert_eq!(refused.code, ProblemCode::CursorInvalid, "{other}");
        }
        assert_eq!(query("cursor=?").cursor().unwrap_err().code, ProblemCode::CursorInvalid);
    }
}
