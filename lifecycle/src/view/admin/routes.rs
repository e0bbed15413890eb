//! Which path asks for what.

use std::sync::OnceLock;
use std::time::Duration;

use http_body_util::{Either, Full};
use hyper::body::Bytes;
use hyper::header::{
    ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue,
    X_CONTENT_TYPE_OPTIONS,
};
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use tokio::time::timeout;

use super::probes::{self, Probe};
use crate::view::admin::endpoints::Endpoints;
use crate::view::admin::event_stream::{Pictures, next};
use crate::view::admin::live_picture::Looker;

pub(super) type Body = Either<Full<Bytes>, Pictures>;

const TEXT: &str = "text/plain; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";
const JSON: &str = "application/json";
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";

const EVENTS: &str = "text/event-stream; charset=utf-8";

/// What a page waits for its picture, which is painted at once.
const PATIENCE: Duration = Duration::from_secs(2);

const ROUTES: [(&str, &str); 6] = [
    ("/livez", "is the runtime responsive"),
    ("/startupz", "has the app been up"),
    ("/readyz", "should it get work"),
    (
        "/healthz",
        "how is each component (JSON: /healthz?format=json)",
    ),
    ("/metrics", "for Prometheus"),
    ("/", "the live picture, which follows the app at /live"),
];

/// What is asked for; nothing that is asked changes anything.
pub(super) async fn answer<B>(
    endpoints: &Endpoints,
    request: Request<B>,
    looker: &OnceLock<Looker>,
) -> Response<Body> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut response = respond(StatusCode::METHOD_NOT_ALLOWED, TEXT, "only GET and HEAD\n");
        let headers = response.headers_mut();
        headers.insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    let uri = request.uri();
    let state = &*endpoints.state;
    match uri.path() {
        "/" if wants_text(request.headers()) => respond(StatusCode::OK, TEXT, routes()),
        "/" => page(endpoints, looker).await,
        "/live" => live(endpoints, looker),
        "/livez" => say(probes::livez(state).await, TEXT),
        "/startupz" => say(probes::startupz(state), TEXT),
        "/readyz" => say(probes::readyz(state).await, TEXT),
        "/healthz" => {
            let as_json = wants_json(uri.query(), request.headers());
            let kind = if as_json { JSON } else { TEXT };
            say(probes::healthz(state, as_json).await, kind)
        }
        "/metrics" => respond(StatusCode::OK, METRICS, endpoints.prometheus.render(state)),
        _ => respond(
            StatusCode::NOT_FOUND,
            TEXT,
            format!("not found; there is:\n\n{}", routes()),
        ),
    }
}

fn routes() -> String {
    let line = |(path, says)| format!("{path:<10} {says}\n");
    ROUTES.map(line).concat()
}

async fn page(endpoints: &Endpoints, looker: &OnceLock<Looker>) -> Response<Body> {
    let mut latest = endpoints.live_picture.latest();
    // It has one painted.
    looker.get_or_init(|| Looker::new(&endpoints.live_picture));
    match timeout(PATIENCE, next(&mut latest)).await {
        Ok(Some(painted)) => {
            let mut response = respond(StatusCode::OK, HTML, painted.picture.page(&ROUTES[..5]));
            response.headers_mut().insert(
                CONTENT_SECURITY_POLICY,
                // All else stands in the page; this has to be a header.
                HeaderValue::from_static("frame-ancestors 'none'"),
            );
            response
        }
        _ => respond(
            StatusCode::SERVICE_UNAVAILABLE,
            TEXT,
            "no picture: the app has not begun to start, or has just ended; try again\n",
        ),
    }
}

fn live(endpoints: &Endpoints, looker: &OnceLock<Looker>) -> Response<Body> {
    let latest = endpoints.live_picture.latest();
    let Some(takes) = looker
        .get_or_init(|| Looker::new(&endpoints.live_picture))
        .stay()
    else {
        return respond(
            StatusCode::SERVICE_UNAVAILABLE,
            TEXT,
            "too many look on already; / has the picture of the moment\n",
        );
    };
    let pictures = Pictures::new(latest, takes);
    respond(StatusCode::OK, EVENTS, "").map(|_| Either::Right(pictures))
}

fn say(probe: Probe, kind: &'static str) -> Response<Body> {
    let status = if probe.good {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    respond(status, kind, probe.text)
}

fn respond(status: StatusCode, kind: &'static str, text: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(Either::Left(Full::new(text.into())));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_TYPE, kind),
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (CONTENT_SECURITY_POLICY, "default-src 'none'"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// By `?format=json`, else by `Accept` where that names JSON.
fn wants_json(query: Option<&str>, headers: &HeaderMap) -> bool {
    let format = query
        .unwrap_or_default()
        .split('&')
        .find_map(|pair| pair.strip_prefix("format="));
    format.map_or_else(|| wants(headers, JSON), |format| format == "json")
}

/// Whether `Accept` names plain text and no page.
fn wants_text(headers: &HeaderMap) -> bool {
    wants(headers, "text/plain") && !wants(headers, "text/html")
}

/// Whether `Accept` names that kind.
fn wants(headers: &HeaderMap, kind: &str) -> bool {
    headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|accept| accept.to_str().ok())
        .any(|accept| accept.contains(kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accept(value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(value))])
    }

    #[test]
    fn json_is_asked_for_by_query_or_header_and_the_query_has_the_last_word() {
        let json = accept("text/html, application/json;q=0.9");
        assert!(wants_json(None, &json));
        assert!(wants_json(Some("a=b&format=json"), &accept("*/*")));
        assert!(!wants_json(None, &accept("*/*")));
        assert!(!wants_json(None, &HeaderMap::new()));
        assert!(!wants_json(Some("format=text"), &json));
    }
}
