//! A world that somebody watches: members whose sessions are there without a password.

use std::ops::Deref;

use muster_kernel::model::id::MemberId;
use muster_kernel::model::team::{Member, Role, Session};
use muster_kernel::ports::Clock;
use muster_server::http::HttpSettings;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::client::Request;
use crate::world::World;

/// A world with an owner who is signed in.
pub struct Watched {
    pub world: World,
    pub cookie: String,
}

impl Deref for Watched {
    type Target = World;

    fn deref(&self) -> &World {
        &self.world
    }
}

impl Watched {
    pub fn start() -> Self {
        Watched::with(|_| {})
    }

    pub fn with(change: impl FnOnce(&mut HttpSettings)) -> Self {
        let world = World::with(change);
        let cookie = sign_in(&world, Role::Owner);
        Watched { world, cookie }
    }

    /// A request of the console about the production environment.
    pub fn console(&self, path: &str) -> Request {
        Request::get(&format!("/v1/environments/1/{path}")).header("Cookie", &self.cookie)
    }

    /// What the console reads.
    #[track_caller]
    pub fn read(&self, path: &str) -> Value {
        let answer = self.ask(&self.console(path));
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }
}

/// Signs a member of this role in; answers the cookie.
pub fn sign_in(world: &World, role: Role) -> String {
    let now = world.clock.now();
    let id = MemberId(100 + role as u32);
    let token = format!("{:064x}", id.0);
    let hash: [u8; 32] = Sha256::digest(token.as_bytes()).into();
    let sha256: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    world.change(|state| {
        let (name, email) = (role.as_str().to_owned(), format!("{}@muster.test", role.as_str()));
        let password = String::new();
        state.members.push(Member { id, name, email, role, password, created_at: now, last_seen_at: None });
        let sha256 = sha256.clone();
        state.sessions.push(Session { sha256, member: id, created_at: now, last_used_at: now });
    });
    format!("muster_session={token}")
}
