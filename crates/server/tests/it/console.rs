//! A browser that is nothing but a cookie: it signs in, and then sends what the test says.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::client::{Answer, Client, Request};
use crate::world::{BASE, World};

pub const PASSWORD: &str = "correct horse battery";

/// One browser.
pub struct Browser {
    address: SocketAddr,
    pub cookie: Option<String>,
}

impl Browser {
    pub fn new(address: SocketAddr) -> Self {
        Browser { address, cookie: None }
    }

    /// A request with the cookie and, where it changes something, the origin of this server.
    pub fn request(&self, method: &str, path: &str, body: Option<&Value>) -> Request {
        let mut request = match body {
            Some(body) => Request::with_body(method, path, body.to_string()),
            None => Request::new(method, path),
        };
        if let Some(cookie) = &self.cookie {
            request = request.header("Cookie", &format!("theme=dark; muster_session={cookie}; lang=de"));
        }
        if method == "GET" { request } else { request.header("Origin", BASE) }
    }

    pub fn send(&self, request: &Request) -> Answer {
        Client::connect(self.address).ask(request)
    }

    pub fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        self.send(&self.request(method, path, body))
    }

    pub fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, None)
    }

    /// Reads data of an environment.
    pub fn read(&self, environment: u32, path: &str) -> Answer {
        let named = self.request("GET", path, None).header("Muster-Environment", &environment.to_string());
        self.send(&named)
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.ask("POST", path, Some(body))
    }

    pub fn patch(&self, path: &str, body: &Value) -> Answer {
        self.ask("PATCH", path, Some(body))
    }

    pub fn delete(&self, path: &str) -> Answer {
        self.ask("DELETE", path, None)
    }

    /// Takes the cookie that an answer sets.
    pub fn keep(&mut self, answer: &Answer) {
        let set = answer.header("set-cookie").unwrap_or_else(|| panic!("no cookie: {}", answer.text()));
        let token = set.strip_prefix("muster_session=").and_then(|rest| rest.split(';').next()).unwrap();
        self.cookie = Some(token.to_owned()).filter(|token| !token.is_empty());
    }

    pub fn sign_in(&mut self, email: &str, password: &str) -> Answer {
        let answer = self.post("/v1/session", &json!({"email": email, "password": password}));
        if answer.status == 200 {
            self.keep(&answer);
        }
        answer
    }

    /// Opens a link and accepts what it offers.
    pub fn accept(&mut self, link: &str, name: &str, email: &str) -> Answer {
        let token = link.split_once("/welcome#").unwrap_or_else(|| panic!("{link}")).1;
        let fields = json!({"token": token, "name": name, "email": email, "password": PASSWORD});
        let answer = self.post("/v1/invitations/accept", &fields);
        if answer.status == 200 {
            self.keep(&answer);
        }
        answer
    }

    /// Invites somebody with this role, who accepts.
    #[track_caller]
    pub fn invite(&self, role: &str) -> Browser {
        let made = self.post("/v1/invitations", &json!({"role": role}));
        assert_eq!(made.status, 201, "{}", made.text());
        let mut guest = Browser::new(self.address);
        let accepted =
            guest.accept(made.json()["link"].as_str().unwrap(), role, &format!("{role}@example.com"));
        assert_eq!(accepted.status, 200, "{}", accepted.text());
        assert_eq!(accepted.json()["member"]["role"], role);
        guest
    }
}

impl World {
    pub fn browser(&self) -> Browser {
        Browser::new(self.address)
    }

    /// The link that makes the first owner.
    pub fn owner_link(&self) -> String {
        self.with_office(muster_server::admin::owner_link).unwrap().unwrap().link
    }

    /// The first owner, signed in: Ada, `ada@example.com`.
    #[track_caller]
    pub fn owner(&self) -> Browser {
        let mut browser = self.browser();
        let accepted = browser.accept(&self.owner_link(), "Ada", "ada@example.com");
        assert_eq!(accepted.status, 200, "{}", accepted.text());
        browser
    }

    /// The acts of the audit, newest first.
    pub fn acts(&self, owner: &Browser) -> Vec<Value> {
        owner.get("/v1/audit").json()["data"].as_array().unwrap().clone()
    }
}

/// `who: what what-to`, for comparisons with what should be there.
pub fn told(acts: &[Value]) -> Vec<String> {
    let tell = |act: &Value| {
        let (kind, name) = (act["actor"]["kind"].as_str().unwrap(), act["actor"]["name"].as_str().unwrap());
        let who = if name.is_empty() { kind } else { name };
        format!("{who}: {} {}", act["action"].as_str().unwrap(), act["subject"].as_str().unwrap())
    };
    acts.iter().map(tell).collect()
}
