//! The names under which `/metrics` answers.
//!
//! A web page may have its own name point to this machine, and then read with a visitor's browser
//! what only this machine may read (DNS rebinding); but the browser still asks for that name. So
//! other names than this machine's are refused.

use std::collections::BTreeSet;
use std::net::IpAddr;

use actix_web::HttpMessage;
use actix_web::dev::ServiceRequest;
use actix_web::http::header;
use actix_web::http::uri::Authority;

use crate::api::{Problem, ProblemCode};

/// Names that the configuration adds to those of loopback and the address that was reached.
#[derive(Clone, Debug)]
pub(super) struct Hosts(BTreeSet<String>);

impl Hosts {
    pub(super) fn new(names: &[String]) -> Self {
        Self(names.iter().map(|name| plain(name)).collect())
    }

    /// Refuses a request that asks for another machine. One that names none is no browser's.
    pub(super) fn check(&self, request: &ServiceRequest) -> Result<(), Problem> {
        let reached_at = request.extensions().get::<Option<IpAddr>>().copied().flatten();
        let named = match request.uri().authority() {
            Some(authority) => Some(authority.as_str()),
            None => request.headers().get(header::HOST).map(|host| host.to_str().unwrap_or("")),
        };
        let Some(named) = named else {
            return Ok(());
        };
        let host = named.parse::<Authority>().map(|authority| plain(authority.host()));
        if host.is_ok_and(|host| self.is_own(&host, reached_at)) {
            return Ok(());
        }
        let message = format!("/metrics does not answer for the host `{}`", named.escape_default());
        let hint = "ask by address or as `localhost`, or add the name to `telemetry.metrics_hosts`";
        Err(Problem::new(ProblemCode::WrongHost, message, hint))
    }

    fn is_own(&self, host: &str, reached_at: Option<IpAddr>) -> bool {
        let is_own_address = |address: IpAddr| {
            let address = address.to_canonical();
            // The unspecified address leads to this machine too.
            address.is_loopback() || address.is_unspecified() || Some(address) == reached_at
        };
        host == "localhost" || self.0.contains(host) || host.parse().is_ok_and(is_own_address)
    }
}

/// A name as it is compared: without case, the brackets of an address, and the root's dot.
fn plain(host: &str) -> String {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    bare.strip_suffix('.').unwrap_or(bare).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    /// Checks requests that reached 10.0.0.5.
    #[track_caller]
    fn check(request: TestRequest, passes: bool) {
        let hosts = Hosts::new(&["GPU1.lan".to_owned(), "2001:db8::7".to_owned()]);
        let request = request.to_srv_request();
        request.extensions_mut().insert(Some(IpAddr::from([10, 0, 0, 5])));
        let found = hosts.check(&request);
        assert_eq!(found.is_ok(), passes, "{request:?}: {found:?}");
    }

    #[test]
    fn loopback_the_address_reached_and_configured_names_pass_and_no_others() {
        for (host, passes) in [
            ("localhost", true),
            ("LOCALHOST.:9899", true),
            ("127.0.0.1:9899", true),
            ("127.8.9.10", true),
            ("[::1]:9899", true),
            ("[::ffff:127.0.0.1]", true),
            ("10.0.0.5:1", true),
            ("0.0.0.0:9899", true),
            ("gpu1.lan:9899", true),
            ("[2001:db8::7]:9899", true),
            ("10.0.0.6", false),
            ("evil.example", false),
            ("localhost.evil.example", false),
            ("evil.example:9899", false),
            ("gpu1", false),
            ("", false),
            ("\"<x>", false),
        ] {
            check(TestRequest::get().uri("/metrics").insert_header(("host", host)), passes);
        }
        check(TestRequest::get().uri("/metrics"), true);
        let proxied = TestRequest::get().uri("http://evil.example/metrics");
        check(proxied.insert_header(("host", "localhost")), false);
    }
}
