//! Problems and warnings: closed sets of stable codes, each with a place in the body and a sentence with the remedy.
//!
//! The status of a problem is the HTTP edge's business (`server/http/error.rs`); docs/API.md lists every code.

use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $name {
            /// Every code, in the order of the documentation.
            pub const ALL: &'static [$name] = &[$($name::$variant,)*];

            /// The stable word that callers branch on.
            pub fn as_str(self) -> &'static str {
                match self {
                    $($name::$variant => $text,)*
                }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                let known = $name::ALL.iter().find(|code| code.as_str() == text);
                known.copied().ok_or_else(|| serde::de::Error::custom("not a code"))
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
    };
}

codes! {
    /// Why a call was not taken.
    ProblemCode {
        /// No body where one is needed.
        BodyMissing = "body_missing",
        /// The body is not JSON.
        BodyNotJson = "body_not_json",
        /// The body is JSON, but not an object.
        BodyNotObject = "body_not_object",
        /// The body is too large after decompression.
        BodyTooLarge = "body_too_large",
        /// The body nests too deeply.
        BodyTooDeep = "body_too_deep",
        /// The body did not arrive in time.
        BodyTimeout = "body_timeout",
        /// The compressed body cannot be decompressed.
        BodyNotDecompressed = "body_not_decompressed",
        /// The body grows beyond the allowed ratio when decompressed.
        CompressionRatio = "compression_ratio",
        /// A `Content-Encoding` other than gzip, br, zstd, deflate or identity.
        EncodingUnsupported = "encoding_unsupported",
        /// A `Content-Type` that does not name JSON.
        ContentTypeUnsupported = "content_type_unsupported",
        /// A required id is absent.
        IdMissing = "id_missing",
        /// An id is neither a string nor an integer.
        IdType = "id_type",
        /// An id is empty or only white space.
        IdEmpty = "id_empty",
        /// An id is longer than 255 bytes.
        IdTooLong = "id_too_long",
        /// An id holds a control character.
        IdControlCharacter = "id_control_character",
        /// An id looks like a variable that was never filled in, and the environment refuses those.
        IdJunk = "id_junk",
        /// `metadata` is not an object.
        MetadataType = "metadata_type",
        /// `metadata` of an event is larger than 10 KB.
        MetadataTooLarge = "metadata_too_large",
        /// `company` is not an object.
        CompanyType = "company_type",
        /// `company` has no `id` or `company_id`.
        CompanyIdMissing = "company_id_missing",
        /// A property name is empty.
        PropertyNameEmpty = "property_name_empty",
        /// A property name is longer than 255 characters.
        PropertyNameTooLong = "property_name_too_long",
        /// A property value is longer than 65,535 characters.
        PropertyValueTooLong = "property_value_too_long",
        /// An object or array as a property value, and the environment refuses those.
        PropertyValueNested = "property_value_nested",
        /// A number outside the range of a double.
        NumberOutOfRange = "number_out_of_range",
        /// The profile would hold more than 500 properties.
        TooManyProperties = "too_many_properties",
        /// Neither `event_name` nor `event`.
        EventNameMissing = "event_name_missing",
        /// The event name is not a string, or empty.
        EventNameType = "event_name_type",
        /// The event name is too long.
        EventNameTooLong = "event_name_too_long",
        /// `event_id` is no id.
        EventIdInvalid = "event_id_invalid",
        /// `occurred_at`, `timestamp` or a row's `inserted_at` is no time.
        TimeInvalid = "time_invalid",
        /// A row of history has no time.
        TimeMissing = "time_missing",
        /// A row of history lies more than 10 minutes ahead.
        TimeAhead = "time_ahead",
        /// A row of history is of none of the four kinds.
        EventTypeInvalid = "event_type_invalid",
        /// The source of a row of history is none that the contract knows.
        SourceInvalid = "source_invalid",
        /// A row of history lacks a page or a `user_agent` that its kind or source needs.
        PageMissing = "page_missing",
        /// The `url` of a row of history names no host.
        UrlInvalid = "url_invalid",
        /// A key about page or device is not what it should be.
        ContextInvalid = "context_invalid",
        /// The first line of a CSV file does not name its columns.
        HeaderInvalid = "header_invalid",
        /// A row of a CSV file is the header again.
        HeaderRepeated = "header_repeated",
        /// A row of a CSV file has more or fewer fields than the header has columns.
        RowRagged = "row_ragged",
        /// A field of a CSV file cannot be read.
        FieldUnreadable = "field_unreadable",
        /// The body has more problems than one answer lists.
        MoreProblems = "more_problems",
        /// No `Authorization` header.
        KeyMissing = "key_missing",
        /// The `Authorization` header is not `Token <API key>`.
        KeyMalformed = "key_malformed",
        /// No such key.
        KeyUnknown = "key_unknown",
        /// The key was revoked or has expired.
        KeyRevoked = "key_revoked",
        /// The public app token was used as a key.
        KeyIsAppToken = "key_is_app_token",
        /// The key lacks the scope.
        ScopeMissing = "scope_missing",
        /// Nobody is signed in here, or no longer.
        SessionMissing = "session_missing",
        /// Nobody is signed in, because the server has no owner yet.
        OwnerMissing = "owner_missing",
        /// The e-mail address and the password do not belong together.
        CredentialsWrong = "credentials_wrong",
        /// Too many attempts to sign in.
        TooManyAttempts = "too_many_attempts",
        /// A call with a session comes from a page of somebody else.
        OriginRefused = "origin_refused",
        /// The member's role does not allow it.
        RoleInsufficient = "role_insufficient",
        /// A call with a session names no environment.
        EnvironmentMissing = "environment_missing",
        /// A one-time link was used, has expired, or never was one.
        InvitationInvalid = "invitation_invalid",
        /// A field of an administrative request is not what it should be.
        FieldInvalid = "field_invalid",
        /// The name or the address belongs to another one.
        Taken = "taken",
        /// There are as many of these as there may be.
        LimitReached = "limit_reached",
        /// A server keeps at least one owner.
        LastOwner = "last_owner",
        /// No such environment.
        EnvironmentUnknown = "environment_unknown",
        /// No such key in the environment.
        KeyNotFound = "key_not_found",
        /// No such member.
        MemberUnknown = "member_unknown",
        /// No such invitation.
        InvitationUnknown = "invitation_unknown",
        /// No such path.
        RouteUnknown = "route_unknown",
        /// The path takes other methods.
        MethodNotAllowed = "method_not_allowed",
        /// What came is no HTTP/1.1 request.
        HttpMalformed = "http_malformed",
        /// The request's line and headers are too large.
        HeadTooLarge = "head_too_large",
        /// No such job.
        JobUnknown = "job_unknown",
        /// A job of the same family is under way.
        JobRunning = "job_running",
        /// The job has ended, so that it cannot be cancelled.
        JobEnded = "job_ended",
        /// The job deletes, and a deletion is not taken back.
        JobNotCancellable = "job_not_cancellable",
        /// Somebody in the files of an export was erased, so that they are gone (only as the reason of an export).
        ExportErased = "export_erased",
        /// A link to a file is not one that this server signed.
        DownloadRefused = "download_refused",
        /// A link to a file was good once.
        DownloadExpired = "download_expired",
        /// The part of a file that is asked for is not in it.
        RangeUnsatisfiable = "range_unsatisfiable",
        /// No such erasure.
        ErasureUnknown = "erasure_unknown",
        /// It was asked of events that are no longer kept.
        EventsDropped = "events_dropped",
        /// The job was cancelled.
        JobCancelled = "job_cancelled",
        /// An upload has more rows than one may have (only as the reason of a job).
        TooManyRows = "too_many_rows",
        /// No part of the upload is named `file`.
        PartMissing = "part_missing",
        /// The upload is not framed as its `Content-Type` says.
        MultipartInvalid = "multipart_invalid",
        /// An uploaded file holds no row.
        FileEmpty = "file_empty",
        /// Nothing of an uploaded file can be read.
        FileUnreadable = "file_unreadable",
        /// A row is longer than a row may be.
        RowTooLarge = "row_too_large",
        /// No such user.
        UserUnknown = "user_unknown",
        /// No such company.
        CompanyUnknown = "company_unknown",
        /// A segment's rule, or something in it, is not what it should be.
        RuleInvalid = "rule_invalid",
        /// No such segment.
        SegmentUnknown = "segment_unknown",
        /// Something else refers to the segment.
        SegmentInUse = "segment_in_use",
        /// What was to be changed is not as the caller saw it.
        VersionDiffers = "version_differs",
        /// No such saved report.
        ReportUnknown = "report_unknown",
        /// No such dashboard.
        DashboardUnknown = "dashboard_unknown",
        /// No event at a position.
        EventUnknown = "event_unknown",
        /// No question with this name is being answered.
        QuestionUnknown = "question_unknown",
        /// The server has no place for synced files.
        DestinationMissing = "destination_missing",
        /// No such kind of content.
        ContentKindUnknown = "content_kind_unknown",
        /// No such recorded call.
        CallUnknown = "call_unknown",
        /// A query parameter is not what it should be.
        ParameterInvalid = "parameter_invalid",
        /// The answer to a question would be too large.
        AnswerTooLarge = "answer_too_large",
        /// It was asked as of a time about something whose past is not kept.
        PastUnknown = "past_unknown",
        /// A cursor that this list did not give.
        CursorInvalid = "cursor_invalid",
        /// A position that this environment did not give.
        PositionInvalid = "position_invalid",
        /// The position asked for was not reached in time.
        PositionNotReached = "position_not_reached",
        /// `Idempotency-Key` is empty, too long or not visible ASCII.
        IdempotencyKeyInvalid = "idempotency_key_invalid",
        /// The `Idempotency-Key` was used with another body.
        IdempotencyConflict = "idempotency_conflict",
        /// The event id was used with another body.
        EventIdConflict = "event_id_conflict",
        /// More calls per minute than the key may make.
        RateLimited = "rate_limited",
        /// Too many connections or too much waiting work.
        Overloaded = "overloaded",
        /// Too many streams of arriving calls are open.
        StreamsExhausted = "streams_exhausted",
        /// Too little free disk space.
        DiskFull = "disk_full",
        /// The server's clock is behind its log.
        ClockBehind = "clock_behind",
        /// The log takes no writes until the server is restarted.
        LogClosed = "log_closed",
        /// Whether the write happened is not known.
        OutcomeUnknown = "outcome_unknown",
        /// A defect on the server's side.
        Internal = "internal",
    }
}

codes! {
    /// What was odd about a call that was taken.
    WarningCode {
        /// An id looks like a variable that was never filled in.
        IdJunk = "id_junk",
        /// A key stands more than once in one object; the last one counts.
        DuplicateKey = "duplicate_key",
        /// An object or array was kept as its JSON text.
        NestedValue = "nested_value",
        /// Two ids of one company differ; the message says which counts.
        CompanyIdsDiffer = "company_ids_differ",
        /// A `company` without an id was ignored, as the environment says.
        EmptyCompanyIgnored = "empty_company_ignored",
        /// `createdAt` and `created_at` were both sent; `created_at` counts.
        CreatedAtTwice = "created_at_twice",
        /// The time lies more than 10 minutes ahead; the time of receipt counts.
        TimeAhead = "time_ahead",
        /// The time of a row names no zone; it was read as UTC.
        TimeWithoutZone = "time_without_zone",
        /// The time of a row lies before 1971, as a time that was never filled in does; it was taken as it is.
        TimeBefore1971 = "time_before_1971",
        /// Half of a surrogate pair stood alone in a string; it was replaced by U+FFFD.
        SurrogateReplaced = "surrogate_replaced",
        /// There is more to warn of than one answer lists.
        MoreWarnings = "more_warnings",
    }
}

/// One thing wrong with a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// JSON Pointer (RFC 6901) to the place in the body; empty for the body as a whole or what is not in it.
    pub pointer: String,
    /// The stable code.
    pub code: ProblemCode,
    /// One sentence with the remedy.
    pub message: String,
}

impl Problem {
    /// A problem at a place in the body.
    pub fn at(pointer: impl Into<String>, code: ProblemCode, message: impl Into<String>) -> Self {
        Problem { pointer: pointer.into(), code, message: message.into() }
    }

    /// That a body has so many more than are listed.
    pub fn of_more(unlisted: usize) -> Self {
        let message = format!(
            "The body has {unlisted} more problems; mend those listed here and send it again to see the others."
        );
        Problem::of_call(ProblemCode::MoreProblems, message)
    }

    /// A problem of the call as a whole.
    pub fn of_call(code: ProblemCode, message: impl Into<String>) -> Self {
        Problem::at("", code, message)
    }
}

/// One odd thing about a call that was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// JSON Pointer to the place in the body.
    pub pointer: String,
    /// The stable code.
    pub code: WarningCode,
    /// One sentence that says what was done.
    pub message: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_snake_case_and_unique() {
        let words: Vec<&str> = ProblemCode::ALL.iter().map(|code| code.as_str()).collect();
        let unique: std::collections::HashSet<_> = words.iter().collect();
        assert_eq!(unique.len(), words.len());
        for word in words {
            assert!(word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{word}");
        }
    }
}
