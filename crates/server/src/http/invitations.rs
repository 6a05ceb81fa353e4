//! `POST /v1/invitations` and what becomes of the links that it makes: looked at, accepted, taken back.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use muster_kernel::model::id::InvitationId;
use muster_kernel::model::problem::{Problem, ProblemCode};
use muster_kernel::model::team::{Purpose, Role};

use crate::admin::{self, Accept, AdminAnswer, AdminRequest, InvitationView, Invite, schema};

use super::acts;
use super::answer::Instant;
use super::edge::Edge;
use super::error::{self, Refused};
use super::openapi::{ActProblems, LinkProblems, SignInProblems};
use super::session::{self, SessionBody};
use super::signed_in::{self, Admins, Numbers, SignedIn};

/// Who is to be invited.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Invite)]
pub(super) struct InviteFields {
    /// What the member shall be allowed to do.
    #[schema(value_type = schema::Role)]
    role: Role,
    /// The address that the member shall have; theirs to choose when absent.
    email: Option<String>,
}

/// The link that was made.
#[derive(Serialize, ToSchema)]
#[schema(as = InvitationMade)]
pub(super) struct MadeBody {
    /// The invitation's number.
    id: u32,
    /// The link; it is not shown again.
    link: String,
    /// From when on it opens nothing.
    #[schema(value_type = Instant)]
    expires_at: Instant,
}

/// The token of a link: what stands behind its `#`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = InvitationToken)]
pub(super) struct TokenFields {
    token: String,
}

/// What a link offers.
#[derive(Serialize, ToSchema)]
#[schema(as = Offer)]
pub(super) struct OfferBody {
    /// To become the first owner, to become a member, or to choose a new password.
    purpose: PurposeWord,
    /// The role of whoever accepts it.
    #[schema(value_type = schema::Role)]
    role: Role,
    /// The address to sign in with, where it is settled.
    #[schema(required = true)]
    email: Option<String>,
    /// From when on it opens nothing.
    #[schema(value_type = Instant)]
    expires_at: Instant,
}

/// What a link is for.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Purpose)]
enum PurposeWord {
    Owner,
    Member,
    Reset,
}

/// What whoever accepts a link says.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AcceptInvitation)]
pub(super) struct AcceptFields {
    /// What stands behind the link's `#`.
    token: String,
    /// What the others shall call the member; ignored where a password is reset.
    name: Option<String>,
    /// The address to sign in with; needed where the link does not settle it.
    email: Option<String>,
    /// 10 to 256 characters.
    password: String,
}

/// Invite a member.
#[utoipa::path(
    post,
    path = "/v1/invitations",
    operation_id = "create_invitation",
    tag = "Team",
    request_body = InviteFields,
    responses((status = 201, description = "The link", body = MadeBody), ActProblems),
    security(("session" = [])),
)]
pub(super) async fn post(
    State(edge): State<Arc<Edge>>,
    member: SignedIn<Admins>,
    request: Request<Body>,
) -> Result<Response, Refused> {
    let (head, body) = request.into_parts();
    let InviteFields { role, email } = acts::fields(&edge, &head.headers, body).await?;
    let base = acts::base_of(&edge, &head.headers);
    let request = AdminRequest::Invite(Invite { role, email });
    match acts::execute(&edge, member.actor(), base, request).await? {
        AdminAnswer::Invited { invitation: InvitationView { id, expires_at, .. }, link } => {
            acts::answer(error::CREATED, &MadeBody { id: id.0, link, expires_at: Instant(expires_at) })
        }
        _ => Err(acts::astray()),
    }
}

/// Take an invitation back.
#[utoipa::path(
    delete,
    path = "/v1/invitations/{id}",
    operation_id = "delete_invitation",
    tag = "Team",
    params(("id" = u32, Path, description = "The invitation's number")),
    responses((status = 204, description = "The link opens nothing any more"), ActProblems),
    security(("session" = [])),
)]
pub(super) async fn delete(
    State(edge): State<Arc<Edge>>,
    member: SignedIn<Admins>,
    Numbers([id]): Numbers<1>,
) -> Result<Response, Refused> {
    let missing =
        || Problem::of_call(ProblemCode::InvitationUnknown, "An invitation has a number; list them anew.");
    let request = AdminRequest::WithdrawInvitation { id: InvitationId(id.ok_or_else(missing)?) };
    acts::execute(&edge, member.actor(), String::new(), request).await?;
    Ok(acts::nothing())
}

/// What does a link offer?
#[utoipa::path(
    post,
    path = "/v1/invitations/check",
    operation_id = "check_invitation",
    tag = "Console",
    request_body = TokenFields,
    responses((status = 200, description = "What it offers", body = OfferBody), LinkProblems),
)]
pub(super) async fn check(
    State(edge): State<Arc<Edge>>,
    request: Request<Body>,
) -> Result<Response, Refused> {
    let (head, body) = request.into_parts();
    signed_in::check_origin_if_any(&edge, &head.headers)?;
    let TokenFields { token } = acts::fields(&edge, &head.headers, body).await?;
    let (now, address) = (edge.parts.clock.now(), acts::address_of(&edge, &head));
    let offer = admin::look_up(&edge.parts.catalog.state(), &token, now);
    if offer.is_err() {
        edge.shared.attempts.count_address(address, now)?;
    }
    let offer = offer?;
    let purpose = match offer.purpose {
        Purpose::Owner => PurposeWord::Owner,
        Purpose::Member => PurposeWord::Member,
        Purpose::Reset(_) => PurposeWord::Reset,
    };
    let expires_at = Instant(offer.expires_at);
    acts::answer(error::OK, &OfferBody { purpose, role: offer.role, email: offer.email, expires_at })
}

/// Accept what a link offers, and sign in.
#[utoipa::path(
    post,
    path = "/v1/invitations/accept",
    operation_id = "accept_invitation",
    tag = "Console",
    request_body = AcceptFields,
    responses(
        (status = 200, description = "Accepted and signed in", body = SessionBody),
        (status = 410, description = "The link was used, has expired, or never was one", body = error::Envelope<'static>),
        SignInProblems,
    ),
)]
pub(super) async fn accept(
    State(edge): State<Arc<Edge>>,
    request: Request<Body>,
) -> Result<Response, Refused> {
    let (head, body) = request.into_parts();
    signed_in::check_origin_if_any(&edge, &head.headers)?;
    let AcceptFields { token, name, email, password } = acts::fields(&edge, &head.headers, body).await?;
    let (now, address) = (edge.parts.clock.now(), acts::address_of(&edge, &head));
    let attempts = &edge.shared.attempts;
    if let Err(nothing) = admin::look_up(&edge.parts.catalog.state(), &token, now) {
        attempts.count_address(address, now)?;
        return Err(nothing.into());
    }
    let turn = attempts.turn().await?;
    let request = Accept { token, name, email, password };
    let opened = acts::with_office(&edge, String::new(), move |office| {
        let _turn = turn;
        admin::accept(&request, office)
    })
    .await?;
    session::begun(&edge, &head, &opened)
}
