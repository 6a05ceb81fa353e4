//! The console as a browser gets it. Whether it was built decides on what stands at `/`; both are tested, by whichever of
//! the two this program is.

use crate::client::{Answer, Request};
use crate::world::World;

const IS_BUILT: bool = matches!(env!("MUSTER_CONSOLE").as_bytes(), b"built");
const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

fn visit(world: &World, path: &str) -> Answer {
    world.ask(&Request::get(path).header("Accept", BROWSER))
}

/// The names of the files that a page asks for.
fn assets(page: &Answer) -> Vec<String> {
    let text = page.text();
    let quoted = text.split('"').filter(|part| part.starts_with("/assets/"));
    quoted.map(str::to_owned).collect()
}

#[test]
fn the_page_stands_wherever_a_browser_goes_and_may_load_only_what_is_ours() {
    let world = World::start();
    for path in ["/", "/users/u-7", "/users/ada@example.com", "/welcome", "/live?status=refused"] {
        let page = visit(&world, path);
        assert_eq!(page.status, if IS_BUILT { 200 } else { 404 }, "{path}");
        assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
        assert_eq!(page.header("cache-control"), Some("no-store"));
        assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
        let policy = page.header("content-security-policy").unwrap_or_default();
        for rule in ["default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'"]
        {
            assert!(policy.split("; ").any(|said| said == rule), "{rule} in {policy}");
        }
        let text = page.text();
        assert!(!text.contains("://"), "a request to another host: {text}");
        assert_eq!(text.contains("make build"), !IS_BUILT, "{text}");
    }
}

#[test]
fn files_of_the_console_are_compressed_and_kept_for_good() {
    let world = World::start();
    let names = assets(&visit(&world, "/"));
    assert_eq!(names.is_empty(), !IS_BUILT);
    for name in names {
        let plain = world.get(&name);
        assert_eq!((plain.status, plain.header("content-encoding")), (200, None), "{name}");
        assert_eq!(plain.header("cache-control"), Some("public, max-age=31536000, immutable"));
        assert_eq!(plain.header("vary"), Some("accept-encoding"));
        if plain.body.len() < 1024 {
            continue;
        }
        for encoding in ["br", "gzip"] {
            let packed = world.ask(&Request::get(&name).header("Accept-Encoding", encoding));
            assert_eq!(packed.header("content-encoding"), Some(encoding), "{name}");
            assert_eq!(packed.header("content-type"), plain.header("content-type"));
            assert!(packed.body.len() < plain.body.len(), "{name}");
        }
    }
}

#[test]
fn what_belongs_to_programs_stays_json() {
    let world = World::start();
    for path in ["/v1/nothing", "/v1", "/api/v1/analytics", "/assets/none.js"] {
        visit(&world, path).is_refused(404, "route_unknown");
    }
    world.get("/nowhere").is_refused(404, "route_unknown");
    world.ask(&Request::post("/", "{}").header("Accept", BROWSER)).is_refused(404, "route_unknown");
}
