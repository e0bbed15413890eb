//! The routes, and what each of them responds.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http_body_util::{Either, Full};
use hyper::body::Bytes;
use hyper::header::{
    ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue,
    X_CONTENT_TYPE_OPTIONS,
};
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use tokio::time::timeout;

use super::metrics;
use super::probes::{self, Probe};
use crate::view::admin::event_stream::{Pictures, next};
use crate::view::admin::live_picture::Viewer;
use crate::view::admin::status::Board;

pub(super) type Body = Either<Full<Bytes>, Pictures>;

const TEXT: &str = "text/plain; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";
const JSON: &str = "application/json";
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";

const EVENTS: &str = "text/event-stream; charset=utf-8";

/// How long a page waits for its picture, which is drawn as soon as the page is requested.
const PATIENCE: Duration = Duration::from_secs(2);

/// The paths, each with what it serves.
const ROUTES: [(&str, &str); 6] = [
    ("/livez", "whether the runtime responds"),
    ("/startupz", "whether the app has come up"),
    ("/readyz", "whether the app takes requests"),
    (
        "/healthz",
        "the health of each component (JSON: /healthz?format=json)",
    ),
    ("/metrics", "metrics in the Prometheus text format"),
    ("/", "the live picture, which follows the app at /live"),
];

/// Responds to a request. Every route is read-only.
pub(super) async fn answer<B>(
    board: &Arc<Board>,
    request: Request<B>,
    viewer: &OnceLock<Viewer>,
) -> Response<Body> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut response = respond(StatusCode::METHOD_NOT_ALLOWED, TEXT, "only GET and HEAD\n");
        let headers = response.headers_mut();
        headers.insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    let uri = request.uri();
    match uri.path() {
        "/" if wants_text(request.headers()) => respond(StatusCode::OK, TEXT, routes()),
        "/" => page(board, viewer).await,
        "/live" => live(board, viewer),
        "/livez" => probed(probes::livez(board).await, TEXT),
        "/startupz" => probed(probes::startupz(board), TEXT),
        "/readyz" => probed(probes::readyz(board).await, TEXT),
        "/healthz" => {
            let as_json = wants_json(uri.query(), request.headers());
            let kind = if as_json { JSON } else { TEXT };
            probed(probes::healthz(board, as_json).await, kind)
        }
        "/metrics" => respond(StatusCode::OK, METRICS, metrics::render(board)),
        _ => respond(
            StatusCode::NOT_FOUND,
            TEXT,
            format!("not found; there is:\n\n{}", routes()),
        ),
    }
}

fn routes() -> String {
    let line = |(path, purpose)| format!("{path:<10} {purpose}\n");
    ROUTES.map(line).concat()
}

async fn page(board: &Arc<Board>, viewer: &OnceLock<Viewer>) -> Response<Body> {
    let mut latest = board.live_picture.latest();
    // The arrival of a viewer makes a picture due.
    viewer.get_or_init(|| Viewer::new(&board.live_picture));
    match timeout(PATIENCE, next(&mut latest)).await {
        Ok(Some(drawn)) => {
            let mut response = respond(StatusCode::OK, HTML, drawn.picture.page(&ROUTES[..5]));
            response.headers_mut().insert(
                CONTENT_SECURITY_POLICY,
                // The page holds the rest of its policy; a `meta` element cannot hold this directive.
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

fn live(board: &Arc<Board>, viewer: &OnceLock<Viewer>) -> Response<Body> {
    let latest = board.live_picture.latest();
    let Some(takes) = viewer
        .get_or_init(|| Viewer::new(&board.live_picture))
        .stay()
    else {
        return respond(
            StatusCode::SERVICE_UNAVAILABLE,
            TEXT,
            "too many viewers; / shows a single picture\n",
        );
    };
    let pictures = Pictures::new(latest, takes);
    respond(StatusCode::OK, EVENTS, "").map(|_| Either::Right(pictures))
}

fn probed(probe: Probe, kind: &'static str) -> Response<Body> {
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

/// Whether JSON is wanted: by `?format=`, or by `Accept` without it.
fn wants_json(query: Option<&str>, headers: &HeaderMap) -> bool {
    let format = query
        .unwrap_or_default()
        .split('&')
        .find_map(|pair| pair.strip_prefix("format="));
    format.map_or_else(|| wants(headers, JSON), |format| format == "json")
}

/// Whether `Accept` names plain text and not HTML.
fn wants_text(headers: &HeaderMap) -> bool {
    wants(headers, "text/plain") && !wants(headers, "text/html")
}

/// Whether `Accept` names that type.
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
    fn json_is_selected_by_query_or_header_and_the_query_takes_precedence() {
        let json = accept("text/html, application/json;q=0.9");
        assert!(wants_json(None, &json));
        assert!(wants_json(Some("a=b&format=json"), &accept("*/*")));
        assert!(!wants_json(None, &accept("*/*")));
        assert!(!wants_json(None, &HeaderMap::new()));
        assert!(!wants_json(Some("format=text"), &json));
    }
}
