//! `/v1/members`: the team, listed and changed; and what each member changes about themselves.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use muster_kernel::model::id::MemberId;
use muster_kernel::model::problem::{Problem, ProblemCode};
use muster_kernel::model::team::Role;

use crate::admin::{self, AdminAnswer, AdminRequest, ChangeSelf, InvitationView, MemberView, schema};

use super::acts;
use super::edge::Edge;
use super::error::{self, Refused};
use super::openapi::{ActProblems, SessionProblems};
use super::signed_in::{Admins, Numbers, SignedIn, Viewers};

/// The team.
#[derive(Serialize, ToSchema)]
#[schema(as = Team)]
pub(super) struct TeamBody {
    /// The members, by number.
    data: Vec<MemberView>,
    /// The invitations that nobody accepted yet, by number.
    invitations: Vec<InvitationView>,
}

/// What shall be different about a member.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MemberPatch)]
pub(super) struct PatchFields {
    /// The new role.
    #[schema(value_type = schema::Role)]
    role: Role,
}

/// What shall be different about oneself.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SelfPatch)]
pub(super) struct SelfFields {
    /// The new name.
    name: Option<String>,
    /// The new password, with the present one.
    password: Option<PasswordFields>,
}

/// A password to be changed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PasswordChange)]
struct PasswordFields {
    /// The present one.
    current: String,
    /// The new one: 10 to 256 characters.
    new: String,
}

/// List members and invitations.
#[utoipa::path(
    get,
    path = "/v1/members",
    operation_id = "list_members",
    tag = "Team",
    responses((status = 200, description = "The team", body = TeamBody), SessionProblems),
    security(("session" = [])),
)]
pub(super) async fn list(
    State(edge): State<Arc<Edge>>,
    member: SignedIn<Admins>,
) -> Result<Response, Refused> {
    let by = member.actor();
    match acts::execute(&edge, by, String::new(), AdminRequest::ListMembers).await? {
        AdminAnswer::Members { members, invitations } => {
            acts::answer(error::OK, &TeamBody { data: members, invitations })
        }
        _ => Err(acts::astray()),
    }
}

/// Give a member another role.
#[utoipa::path(
    patch,
    path = "/v1/members/{id}",
    operation_id = "update_member",
    tag = "Team",
    params(("id" = u32, Path, description = "The member's number")),
    request_body = PatchFields,
    responses((status = 200, description = "The member as it is now", body = MemberView), ActProblems),
    security(("session" = [])),
)]
pub(super) async fn patch(
    State(edge): State<Arc<Edge>>,
    member: SignedIn<Admins>,
    Numbers([id]): Numbers<1>,
    request: Request<Body>,
) -> Result<Response, Refused> {
    let id = member_id(id)?;
    let (head, body) = request.into_parts();
    let PatchFields { role } = acts::fields(&edge, &head.headers, body).await?;
    let request = AdminRequest::SetRole { id, role };
    match acts::execute(&edge, member.actor(), String::new(), request).await? {
        AdminAnswer::MemberChanged { member } => acts::answer(error::OK, &member),
        _ => Err(acts::astray()),
    }
}

/// Remove a member.
#[utoipa::path(
    delete,
    path = "/v1/members/{id}",
    operation_id = "delete_member",
    tag = "Team",
    params(("id" = u32, Path, description = "The member's number")),
    responses((status = 204, description = "The member is gone and signed out everywhere"), ActProblems),
    security(("session" = [])),
)]
pub(super) async fn delete(
    State(edge): State<Arc<Edge>>,
    member: SignedIn<Admins>,
    Numbers([id]): Numbers<1>,
) -> Result<Response, Refused> {
    let request = AdminRequest::RemoveMember { id: member_id(id)? };
    acts::execute(&edge, member.actor(), String::new(), request).await?;
    Ok(acts::nothing())
}

/// Change one's own name or password. Another password ends every other session of this member.
#[utoipa::path(
    patch,
    path = "/v1/members/me",
    operation_id = "update_self",
    tag = "Team",
    request_body = SelfFields,
    responses((status = 200, description = "The member as it is now", body = MemberView), ActProblems),
    security(("session" = [])),
)]
pub(super) async fn patch_self(
    State(edge): State<Arc<Edge>>,
    member: SignedIn<Viewers>,
    request: Request<Body>,
) -> Result<Response, Refused> {
    let (head, body) = request.into_parts();
    let SelfFields { name, password } = acts::fields(&edge, &head.headers, body).await?;
    let attempts = &edge.shared.attempts;
    let has_password = password.is_some();
    if has_password {
        attempts.count(&member.email, None, member.now)?;
    }
    let turn = if has_password { Some(attempts.turn().await?) } else { None };
    let request = ChangeSelf { name, password: password.map(|fields| (fields.current, fields.new)) };
    let (id, session) = (member.id, member.session);
    let changed = acts::with_office(&edge, String::new(), move |office| {
        let _turn = turn;
        admin::change_self(id, &session, &request, office)
    })
    .await?;
    if has_password {
        attempts.forgive(&member.email, None);
    }
    acts::answer(error::OK, &changed)
}

fn member_id(number: Option<u32>) -> Result<MemberId, Problem> {
    let missing = || Problem::of_call(ProblemCode::MemberUnknown, "A member has a number; list them anew.");
    number.map(MemberId).ok_or_else(missing)
}
