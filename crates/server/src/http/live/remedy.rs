//! What mends a refused call, in a few words: the last column of the table of codes in docs/API.md.

use muster_kernel::model::problem::ProblemCode;
use muster_kernel::model::problem::ProblemCode as P;

/// A line for each code; a test holds it against the documentation.
const REMEDIES: &[(ProblemCode, &str)] = &[
    (P::BodyMissing, "send one whole JSON object"),
    (P::BodyNotJson, "mend the body at the place that the message names"),
    (P::BodyNotObject, "send one object for one call"),
    (P::BodyTooLarge, "send less at once"),
    (P::BodyTooDeep, "send the body flatter"),
    (P::BodyTimeout, "send the call again"),
    (P::HttpMalformed, "speak HTTP/1.1; over TLS if whoever runs the server says so"),
    (P::HeadTooLarge, "send fewer and shorter headers, and a shorter address"),
    (P::BodyNotDecompressed, "check the encoding"),
    (P::CompressionRatio, "send the body without compression"),
    (P::EncodingUnsupported, "use gzip, br, zstd, deflate or none"),
    (P::ContentTypeUnsupported, "send `application/json`"),
    (P::IdMissing, "send the id"),
    (P::IdType, "send a string"),
    (P::IdEmpty, "send the id itself"),
    (P::IdTooLong, "give a shorter one; ids are never cut"),
    (P::IdControlCharacter, "leave the character out"),
    (P::IdJunk, "send the id itself"),
    (P::MetadataType, "send an object"),
    (P::MetadataTooLarge, "send less metadata"),
    (P::CompanyType, "send an object with an id"),
    (P::CompanyIdMissing, "send one, or leave `company` out"),
    (P::PropertyNameEmpty, "name the property"),
    (P::PropertyNameTooLong, "shorten the name"),
    (P::PropertyValueTooLong, "shorten the value"),
    (P::PropertyValueNested, "send a string, number, boolean or null"),
    (P::NumberOutOfRange, "send the number as a string"),
    (P::TooManyProperties, "send fewer names"),
    (P::EventNameMissing, "send `event_name`"),
    (P::EventNameType, "send a string"),
    (P::EventNameTooLong, "shorten the name"),
    (P::EventIdInvalid, "send a string of 1 to 255 bytes, or leave it out"),
    (P::TimeInvalid, "send ISO 8601 or unix time"),
    (P::TimeMissing, "send the time of the event"),
    (P::TimeAhead, "history has no future; mend the time"),
    (P::EventTypeInvalid, "send one of the four"),
    (P::SourceInvalid, "send one of the six"),
    (P::PageMissing, "send them, or a `url` for the first two"),
    (P::UrlInvalid, "send a whole URL"),
    (P::ContextInvalid, "mend the value"),
    (P::HeaderInvalid, "mend the header"),
    (P::HeaderRepeated, "leave the line out"),
    (P::RowRagged, "quote fields with delimiters or line ends in them"),
    (P::FieldUnreadable, "save the file as UTF-8"),
    (P::MoreProblems, "mend the listed ones, then send the call again"),
    (P::KeyMissing, "send `Authorization: Token <API key>`"),
    (P::KeyMalformed, "send `Token <API key>`"),
    (P::KeyUnknown, "check the key against the environment's keys"),
    (P::KeyRevoked, "use a live key"),
    (P::KeyIsAppToken, "use an API key"),
    (P::ScopeMissing, "use a key that has the scope"),
    (P::SessionMissing, "sign in"),
    (P::OwnerMissing, "open the link that the server printed, or `muster owner reset`"),
    (P::CredentialsWrong, "try again"),
    (P::TooManyAttempts, "try again after `Retry-After`"),
    (
        P::OriginRefused,
        "open the console at the server's own address; let the proxy pass `Host` on, or set `http.public_url`",
    ),
    (P::RoleInsufficient, "ask an admin or an owner"),
    (P::EnvironmentMissing, "send `Muster-Environment`"),
    (P::EnvironmentUnknown, "list them"),
    (P::InvitationInvalid, "ask for another one"),
    (P::InvitationUnknown, "list them anew"),
    (P::MemberUnknown, "list them anew"),
    (P::KeyNotFound, "list them anew"),
    (P::FieldInvalid, "correct it"),
    (P::Taken, "choose another"),
    (P::LimitReached, "remove some first"),
    (P::LastOwner, "make another owner first"),
    (P::PartMissing, "name it so"),
    (P::MultipartInvalid, "let a client library build it"),
    (P::FileEmpty, "send one JSON object on each line"),
    (P::FileUnreadable, "see its rejected rows"),
    (P::RowTooLarge, "send less in one row"),
    (P::JobRunning, "send it when that job has ended"),
    (P::JobEnded, "nothing is to be done"),
    (P::JobNotCancellable, "nothing is to be done"),
    (P::ExportErased, "start the export anew"),
    (P::DownloadRefused, "take the link from the export as it is"),
    (P::DownloadExpired, "read the export for a new link, or start it anew"),
    (P::RangeUnsatisfiable, "ask for a part that is there, or for all of it"),
    (P::ErasureUnknown, "list them"),
    (P::EventsDropped, "go on from the position in the message, or ask as of the time in it"),
    (P::JobCancelled, "send the rest anew, if it is wanted"),
    (P::JobUnknown, "list them"),
    (P::RouteUnknown, "see `/openapi.json`"),
    (P::MethodNotAllowed, "see the header `Allow`"),
    (P::UserUnknown, "identify the user first"),
    (P::CompanyUnknown, "identify the company first"),
    (P::RuleInvalid, "mend the rule at the pointer"),
    (P::SegmentUnknown, "list them"),
    (P::SegmentInUse, "change or remove what refers to it first"),
    (P::VersionDiffers, "read it anew, then change that"),
    (P::ReportUnknown, "list them"),
    (P::DashboardUnknown, "list them"),
    (P::EventUnknown, "list the events"),
    (P::QuestionUnknown, "nothing is to be done"),
    (P::DestinationMissing, "have whoever runs the server set `sync.destination`"),
    (P::ContentKindUnknown, "name one of the kinds in the message"),
    (P::CallUnknown, "list the calls that are kept"),
    (P::JobUnknown, "list them"),
    (P::PartMissing, "name it so"),
    (P::MultipartInvalid, "let a client library build it"),
    (P::FileEmpty, "send one JSON object on each line"),
    (P::FileUnreadable, "see its rejected rows"),
    (P::RowTooLarge, "send less in one row"),
    (P::TooManyRows, "send the file in parts"),
    (P::JobRunning, "send it when that job has ended"),
    (P::JobEnded, "nothing is to be done"),
    (P::JobCancelled, "send the rest anew, if it is wanted"),
    (P::ParameterInvalid, "correct the parameter"),
    (P::AnswerTooLarge, "ask for a shorter time, longer intervals, fewer events, groups or columns"),
    (P::PastUnknown, "ask without `as_of`, or by a rule without the list in the message"),
    (P::CursorInvalid, "start again without a cursor"),
    (P::PositionInvalid, "send a position from an answer of this environment"),
    (P::PositionNotReached, "try again after `Retry-After`"),
    (P::IdempotencyKeyInvalid, "correct the header"),
    (P::IdempotencyConflict, "use a new key for a new call"),
    (P::EventIdConflict, "give a new event a new id"),
    (P::RateLimited, "try again after `Retry-After`"),
    (P::Overloaded, "try again after `Retry-After`"),
    (P::StreamsExhausted, "close a stream, then try again"),
    (P::DiskFull, "free some disk space, then send the call again"),
    (P::ClockBehind, "set the clock right, then send the call again"),
    (P::LogClosed, "restart the server, then send the call again"),
    (P::OutcomeUnknown, "send the call again with the same `Idempotency-Key`"),
    (P::Internal, "report it with the request id"),
];

/// The remedy of a problem.
pub(super) fn remedy(code: ProblemCode) -> &'static str {
    REMEDIES.iter().find(|(known, _)| *known == code).map_or("", |(_, remedy)| remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remedies_are_those_of_the_documentation() {
        let documentation = include_str!("../../../../../docs/API.md");
        for &code in ProblemCode::ALL {
            let row = format!("| `{}` | ", code.as_str());
            let line = documentation.lines().find(|line| line.starts_with(&row));
            let line = line.unwrap_or_else(|| panic!("{} is not documented", code.as_str()));
            let told = line.trim_end_matches(" |").rsplit(" | ").next();
            assert_eq!(told, Some(remedy(code)), "{}", code.as_str());
        }
    }
}
