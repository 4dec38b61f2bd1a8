//! The table of routes, a line each: who answers, and which problems may be the answer.
//!
//! The router, the names in the metrics and the OpenAPI document are made from it, and the gate goes
//! by the method (see [`is_command`]). Method, path and words of a route stand with its handler, in
//! its `#[utoipa::path]`. To add one is to write its handler and its line.

use std::sync::LazyLock;

use actix_web::http::Method;
use actix_web::web;
use utoipa::OpenApi;
use utoipa::openapi::PathItem;

use crate::api::ProblemCode;
use crate::api::ProblemCode::{
    BadArch, BadQuery, DiskSilent, Failed, HistoryDamaged, Internal, NoChampion, NotReady,
    RefusedRequest, RefusedState, Store, Timeout, Unavailable, UnknownArch, WeightsLost,
};
use crate::api::routes::{
    self, archs, best, commands, config, convert, events, health, history, log_level, nets,
    predict, report, retrain, sample, score, status, why,
};

/// Requests of no route.
pub(in crate::api) const OTHER: &str = "other";

/// What whatever asks the controller may meet.
const ASKED: &[ProblemCode] = &[RefusedState, RefusedRequest, Failed, Unavailable, Timeout];

/// What whatever reads the history may meet.
const READ: &[ProblemCode] = &[Store, DiskSilent, HistoryDamaged, Internal];

/// What an id may be.
const ID: &[ProblemCode] = &[UnknownArch, BadArch];

/// What a query may be.
const QUERY: &[ProblemCode] = &[BadQuery];

/// Makes a [`Route`] of each line: the handler, and groups of problems besides those that any
/// request may meet.
macro_rules! routes {
    ($($($handler:ident)::+ [$($problems:expr),*])*) => {
        vec![$({
            #[derive(OpenApi)]
            #[openapi(paths($($handler)::+))]
            struct Part;
            Route::new(Part::openapi, || web::to($($handler)::+), &[$($problems),*])
        }),*]
    };
}

/// The table. Of two paths that fit a request the first is taken, so an id with an ending stands
/// before the id alone; the methods of one path stand together.
static TABLE: LazyLock<Vec<Route>> = LazyLock::new(|| {
    routes! {
        health::healthz []
        health::readyz [&[NotReady]]
        status::status []
        best::best [QUERY]
        archs::archs [QUERY, READ]
        archs::svg [ID, READ]
        archs::dot [ID, READ]
        nets::onnx [ID, QUERY, READ, ASKED, &[WeightsLost]]
        nets::torch [ID, QUERY, READ, ASKED, &[WeightsLost]]
        nets::safetensors [ID, QUERY, READ, ASKED, &[WeightsLost]]
        why::why [ID, READ]
        archs::arch [ID, READ]
        convert::convert [&[BadArch]]
        history::history [QUERY, READ]
        history::prune [ASKED]
        events::events [QUERY, READ]
        report::report [READ]
        config::config []
        config::origins []
        log_level::log_level []
        log_level::set_log_level []
        routes::openapi_json []
        score::score [&[BadArch], READ, ASKED]
        retrain::retrain [&[BadArch], READ, ASKED]
        sample::sample [ASKED]
        predict::predict [QUERY, READ, ASKED, &[BadArch, UnknownArch, NoChampion]]
        commands::pause [ASKED]
        commands::resume [ASKED]
        commands::checkpoint [ASKED]
        commands::derive [ASKED]
        commands::stop [ASKED]
    }
});

/// A method on a path.
pub(in crate::api) struct Route {
    pub(in crate::api) path: String,
    pub(in crate::api) method: Method,
    /// An OpenAPI document of this route alone.
    pub(in crate::api) document: fn() -> utoipa::openapi::OpenApi,
    handler: fn() -> actix_web::Route,
    problems: &'static [&'static [ProblemCode]],
}

impl Route {
    fn new(
        document: fn() -> utoipa::openapi::OpenApi,
        handler: fn() -> actix_web::Route,
        problems: &'static [&'static [ProblemCode]],
    ) -> Self {
        let first = document().paths.paths.pop_first();
        let (path, item) = first.expect("a handler has its path");
        let method = match item {
            PathItem { get: Some(_), .. } => Method::GET,
            PathItem { put: Some(_), .. } => Method::PUT,
            PathItem { post: Some(_), .. } => Method::POST,
            _ => unreachable!("a route is GET, PUT or POST"),
        };
        Self { path, method, document, handler, problems }
    }

    /// What the router takes.
    pub(super) fn service(&self) -> actix_web::Route {
        (self.handler)().method(self.method.clone())
    }

    /// The problems of its line.
    pub(in crate::api) fn problems(&self) -> impl Iterator<Item = ProblemCode> {
        self.problems.iter().copied().flatten().copied()
    }
}

/// Whether a request commands: all but `GET` do. The gate and the document both ask here, and the
/// router takes the method from the same place as the document, so they cannot differ; the method
/// alone also tells for requests of no route.
pub(in crate::api) fn is_command(method: &Method) -> bool {
    *method != Method::GET
}

/// Every route, in the order of the table.
pub(in crate::api) fn routes() -> impl Iterator<Item = &'static Route> {
    TABLE.iter()
}

/// The routes of each path, in the order in which the router tries them.
pub(super) fn resources() -> impl Iterator<Item = &'static [Route]> {
    TABLE.chunk_by(|one, next| one.path == next.path)
}

/// The paths of all routes, as the metrics and the OpenAPI document name them.
pub fn route_paths() -> impl Iterator<Item = &'static str> {
    resources().map(|routes| routes[0].path.as_str())
}

/// The paths of the routes that have something done: all that take `POST`.
pub fn command_paths() -> impl Iterator<Item = &'static str> {
    routes().filter(|route| route.method == Method::POST).map(|route| route.path.as_str())
}

/// The path among [`route_paths`], or [`OTHER`].
pub(in crate::api) fn name(pattern: Option<&str>) -> &'static str {
    route_paths().find(|&path| pattern == Some(path)).unwrap_or(OTHER)
}

/// The methods that a path takes, as `Allow` has them.
pub(super) fn allowed(pattern: Option<&str>) -> String {
    let of_path = routes().filter(|route| pattern == Some(&route.path));
    let methods = of_path.map(
        |Route { method, .. }| {
            if *method == Method::GET { "GET, HEAD" } else { method.as_str() }
        },
    );
    methods.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use actix_web::dev::ResourceDef;

    use super::*;

    #[test]
    fn no_line_hides_a_later_one() {
        for path in route_paths() {
            let asked = path.replace("{id}", "m5-1");
            let taken = route_paths().find(|&path| ResourceDef::new(path).is_match(&asked));
            assert_eq!(taken, Some(path));
        }
    }

    #[test]
    fn the_methods_of_a_path_stand_together() {
        let paths: BTreeSet<_> = route_paths().collect();
        assert_eq!(paths.len(), route_paths().count(), "{paths:?}");
    }
}
