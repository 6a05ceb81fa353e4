//! The one who calls: a live key with the scope that the route asks for, and the call's place in the ledger.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};

use muster_kernel::model::catalog::Scope;
use muster_kernel::model::id::{EnvironmentId, Position, PositionToken};
use muster_kernel::model::problem::{Problem, ProblemCode};
use muster_kernel::model::team::Role;
use muster_kernel::model::time::Timestamp;
use muster_kernel::ports::{AppendError, Appended, Appending};

use super::auth::{self, Found, Key};
use super::bells::Bells;
use super::edge::Edge;
use super::error::Refused;
use super::live::Sketch;
use super::rates::{Allowance, Budget};
use super::read::Query;

/// The parameter that asks for everything but the act.
pub(super) const DRY_RUN: &str = "dry_run";

/// What a route asks of a key.
pub(super) trait Purpose: Send + Sync + 'static {
    /// Scopes of which the key must have one; none means that any live key will do.
    const SCOPES: &'static [Scope];
    /// Whether the calls are counted in the ledger.
    const COUNTED: bool = false;
    /// Whether those that are refused are, where the others are not calls but many rows.
    const COUNTS_REFUSED: bool = false;
    /// The least role of a session, where that is not whoever has one of the scopes.
    const LEAST: Option<Role> = None;
    /// What the vendor counts the calls among.
    const BUDGET: Option<Budget> = None;
}

/// Writing users and companies.
pub(super) struct Ingest;
/// Writing events; the same, but for what the vendor counts.
pub(super) struct Record;
/// Writing many of them at once, and ending that.
pub(super) struct Bulk;
/// Seeing how that goes.
pub(super) struct Follow;
/// Erasing people and companies.
pub(super) struct Erase;
/// Seeing how that goes.
pub(super) struct Witness;
/// Reading them.
pub(super) struct Read;
/// Reading what became of the calls.
pub(super) struct Account;
/// Saying how the environment is to be read.
pub(super) struct Administer;
/// Saving what others may ask again.
pub(super) struct Curate;
/// Taking data out as files, with every value in them.
pub(super) struct TakeOut;
/// Asking whether the key is good.
pub(super) struct Nothing;

impl Purpose for Ingest {
    const SCOPES: &'static [Scope] = &[Scope::Ingest];
    const COUNTED: bool = true;
    const BUDGET: Option<Budget> = Some(Budget::Identify);
}

impl Purpose for Record {
    const SCOPES: &'static [Scope] = &[Scope::Ingest];
    const COUNTED: bool = true;
    const BUDGET: Option<Budget> = Some(Budget::Track);
}

impl Purpose for Bulk {
    const SCOPES: &'static [Scope] = &[Scope::Ingest];
    const COUNTS_REFUSED: bool = true;
}

impl Purpose for Follow {
    const SCOPES: &'static [Scope] = &[Scope::Ingest, Scope::Read, Scope::Erase];
}

impl Purpose for Erase {
    const SCOPES: &'static [Scope] = &[Scope::Erase];
}

impl Purpose for Witness {
    const SCOPES: &'static [Scope] = &[Scope::Erase, Scope::Read];
}

impl Purpose for Read {
    const SCOPES: &'static [Scope] = &[Scope::Read];
}

impl Purpose for Account {
    const SCOPES: &'static [Scope] = &[Scope::Read, Scope::Admin];
}

impl Purpose for Administer {
    const SCOPES: &'static [Scope] = &[Scope::Admin];
}

impl Purpose for Curate {
    const SCOPES: &'static [Scope] = &[Scope::Admin];
    const LEAST: Option<Role> = Some(Role::Analyst);
}

impl Purpose for TakeOut {
    const SCOPES: &'static [Scope] = &[Scope::Read];
    const LEAST: Option<Role> = Some(Role::Admin);
}

impl Purpose for Nothing {
    const SCOPES: &'static [Scope] = &[];
}

/// A caller that may do what `P` says. Every answer to it goes through [`Caller::answer`].
pub(super) struct Caller<P> {
    /// The key.
    pub key: Arc<Key>,
    /// When the call came in, by the edge's clock.
    pub now: Timestamp,
    /// Whether nothing is to be written. Such a call is a read: it stands in no ledger.
    pub is_dry_run: bool,
    allowance: Option<Allowance>,
    arrival: Option<Arrival>,
    purpose: PhantomData<P>,
}

impl<P: Purpose> FromRequestParts<Arc<Edge>> for Caller<P> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, edge: &Arc<Edge>) -> Result<Self, Response> {
        let found =
            auth::secret(&parts.headers).map(|secret| edge.keys.find(&edge.parts.catalog.state(), secret));
        let key = match found {
            Ok(Found::Key(key)) => key,
            Ok(Found::AppToken) => return Err(Refused::from(auth::unknown(true)).into_response()),
            Ok(Found::Nothing) => return Err(Refused::from(auth::unknown(false)).into_response()),
            Err(problem) => return Err(Refused::from(problem).into_response()),
        };
        let now = edge.parts.clock.now();
        let is_dry_run = P::COUNTED && Query::of_parts(parts).flag(DRY_RUN).unwrap_or_default();
        let arrival = (P::COUNTED && !is_dry_run).then(|| Arrival::of(Arc::clone(&key)));
        let mut caller = Caller { key, now, is_dry_run, allowance: None, arrival, purpose: PhantomData };
        match caller.admit() {
            Ok(()) => Ok(caller),
            Err(refused) => Err(caller.answer(Err(refused))),
        }
    }
}

impl<P: Purpose> Caller<P> {
    fn admit(&mut self) -> Result<(), Refused> {
        if !self.key.api.is_live(self.now) {
            let message = "This API key was revoked or has expired; use a live key of the environment.";
            return Err(Problem::of_call(ProblemCode::KeyRevoked, message).into());
        }
        self.allowance = self.key.used(P::BUDGET, self.now);
        if let Some(spent) = self.allowance.filter(|allowance| !allowance.fits()) {
            let message = "All calls that may be made in this minute were made; send the call again after \
                           `Retry-After` seconds.";
            let refused = Refused::from(Problem::of_call(ProblemCode::RateLimited, message));
            return Err(refused.retry_after(spent.reset_s()));
        }
        if !P::SCOPES.is_empty() && !P::SCOPES.iter().any(|&scope| self.key.api.may(scope)) {
            let needed: Vec<&str> = P::SCOPES.iter().map(|scope| scope.as_str()).collect();
            let message = format!("This call needs a key with the scope `{}`.", needed.join("` or `"));
            return Err(Problem::of_call(ProblemCode::ScopeMissing, message).into());
        }
        Ok(())
    }

    /// The environment that the key opens.
    pub(super) fn environment(&self) -> EnvironmentId {
        self.key.environment()
    }

    /// A position of the environment as callers see it.
    pub(super) fn token(&self, position: Position) -> PositionToken {
        PositionToken { incarnation: self.key.incarnation, position }
    }

    /// The answer to this caller: counts a refusal that is not counted yet, and says what is left of the key's limit.
    pub(super) fn answer(mut self, outcome: Result<Response, Refused>) -> Response {
        let mut response = match outcome {
            Ok(mut response) => {
                if !P::COUNTED || self.is_dry_run {
                    Sketch::note_read(&self.key, self.now, &mut response);
                }
                response
            }
            Err(refused) => {
                let late = || P::COUNTS_REFUSED.then(|| Arrival::of(Arc::clone(&self.key)));
                if let Some(arrival) = self.arrival.take().or_else(late) {
                    arrival.reject(refused.code());
                }
                refused.of_key(self.key.api.id).into_response()
            }
        };
        if let Some(allowance) = self.allowance {
            allowance.put(response.headers_mut());
        }
        response
    }
}

impl Caller<Record> {
    /// The same caller, once it is counted: writing is the same from here on.
    pub(super) fn writing(self) -> Caller<Ingest> {
        let Caller { key, now, is_dry_run, allowance, arrival, purpose: _ } = self;
        Caller { key, now, is_dry_run, allowance, arrival, purpose: PhantomData }
    }
}

impl Caller<Ingest> {
    /// Waits for an append of this call, and counts what became of it.
    pub(super) fn follow(&mut self, edge: &Edge, appending: Appending) -> Following {
        Following {
            call: self.arrival.take().map(|arrival| (appending, arrival)),
            bells: Arc::clone(&edge.bells),
            bell: None,
        }
    }
}

/// A counted call whose fate is not known yet. Its fate is counted exactly once, whatever happens to the task.
struct Arrival {
    key: Arc<Key>,
    open: bool,
}

impl Arrival {
    fn of(key: Arc<Key>) -> Self {
        key.counts.receive();
        Arrival { key, open: true }
    }

    fn reject(mut self, code: ProblemCode) {
        self.close(code);
    }

    fn close(&mut self, code: ProblemCode) {
        self.open = false;
        self.key.ledger.reject(self.key.environment(), self.key.api.id, code.as_str());
        self.key.counts.reject();
    }

    fn settle(mut self, outcome: &Result<Appended, AppendError>) {
        match outcome {
            Ok(Appended::Stored(_)) => {
                self.open = false;
                self.key.counts.store();
            }
            Ok(Appended::Duplicate { .. }) => {
                self.open = false;
                self.key.counts.repeat();
            }
            Ok(Appended::Suppressed) => {
                self.open = false;
                self.key.counts.suppress();
            }
            Err(error) => self.close(Refused::from(error.clone()).code()),
        }
    }
}

impl Drop for Arrival {
    fn drop(&mut self) {
        if !self.open {
            return;
        }
        if std::thread::panicking() {
            self.close(ProblemCode::Internal);
        } else {
            // The caller hung up before its call was whole: nothing was taken and nobody was told anything.
            self.key.counts.abandon();
        }
    }
}

/// An append under way together with its call's place in the ledger.
pub(super) struct Following {
    call: Option<(Appending, Arrival)>,
    bells: Arc<Bells>,
    /// The waker that the engine gets, and the task that it stands for.
    bell: Option<(Waker, Waker)>,
}

impl Future for Following {
    type Output = Result<Appended, AppendError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Following { call, bells, bell } = &mut *self;
        let Some((appending, _)) = call else {
            // Nothing to follow: the call was settled before, which no handler does.
            return Poll::Ready(Err(AppendError::Failed("followed twice".to_owned())));
        };
        let task = context.waker();
        let (bell, _) = match bell {
            Some(known) if known.1.will_wake(task) => known,
            other => other.insert((bells.bell(task), task.clone())),
        };
        let Poll::Ready(outcome) = appending.as_mut().poll(&mut Context::from_waker(bell)) else {
            return Poll::Pending;
        };
        if let Some((_, arrival)) = call.take() {
            arrival.settle(&outcome);
        }
        Poll::Ready(outcome)
    }
}

/// A caller that hangs up does not take its event back, so its fate is still waited for and counted.
impl Drop for Following {
    fn drop(&mut self) {
        let Some((appending, arrival)) = self.call.take() else { return };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                let outcome = appending.await;
                arrival.settle(&outcome);
            });
        }
    }
}
