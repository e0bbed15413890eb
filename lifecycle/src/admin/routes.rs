//! Which path asks for what.

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{
    ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue,
    X_CONTENT_TYPE_OPTIONS,
};
use hyper::{HeaderMap, Method, Request, Response, StatusCode};

use super::board::Board;
use super::metrics;
use super::probes::{self, Probe};

pub(super) type Body = Full<Bytes>;

const TEXT: &str = "text/plain; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";
const JSON: &str = "application/json";
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";

const INDEX: &str = include_str!("index.html");

/// What is asked for; nothing that is asked changes anything.
pub(super) async fn answer<B>(board: &Board, request: Request<B>) -> Response<Body> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut response = respond(StatusCode::METHOD_NOT_ALLOWED, TEXT, "only GET and HEAD\n");
        let headers = response.headers_mut();
        headers.insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    let uri = request.uri();
    match uri.path() {
        "/" => respond(StatusCode::OK, HTML, INDEX),
        "/livez" => say(probes::livez(board).await, TEXT),
        "/startupz" => say(probes::startupz(board), TEXT),
        "/readyz" => say(probes::readyz(board), TEXT),
        "/healthz" => {
            let as_json = wants_json(uri.query(), request.headers());
            let kind = if as_json { JSON } else { TEXT };
            say(probes::healthz(board, as_json).await, kind)
        }
        "/metrics" => respond(StatusCode::OK, METRICS, metrics::render(board)),
        _ => respond(StatusCode::NOT_FOUND, TEXT, "not found: see /\n"),
    }
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
    let mut response = Response::new(Full::new(text.into()));
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
    let accepts = || {
        headers
            .get_all(ACCEPT)
            .iter()
            .filter_map(|accept| accept.to_str().ok())
            .any(|accept| accept.contains(JSON))
    };
    format.map_or_else(accepts, |format| format == "json")
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
