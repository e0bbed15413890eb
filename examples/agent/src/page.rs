//! The web page at `/`, a chat. Clients that accept only plain text get the list of endpoints.

use axum::http::{HeaderMap, header};
use axum::response::{Html, IntoResponse, Response};

use crate::api::ENDPOINTS;

const PAGE: &str = include_str!("page.html");

/// The content security policy: the page is one file, and requests nothing from other servers.
const POLICY: &str = "default-src 'none'; img-src data:; connect-src 'self'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub async fn index(headers: HeaderMap) -> Response {
    let mut accepted = headers.get_all(header::ACCEPT).iter();
    let wants_text = accepted.any(|value| {
        let value = value.to_str().unwrap_or_default();
        value.contains("text/plain") && !value.contains("text/html")
    });
    let vary = [(header::VARY, "accept")];
    if !wants_text {
        (
            vary,
            [(header::CONTENT_SECURITY_POLICY, POLICY)],
            Html(PAGE),
        )
            .into_response()
    } else {
        (vary, ENDPOINTS).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_page_is_served_unless_plain_text_is_requested() {
        for (accept, kind) in [
            ("*/*", "text/html"),
            ("text/html,text/plain;q=0.9,*/*;q=0.8", "text/html"),
            ("text/plain", "text/plain"),
        ] {
            let headers = HeaderMap::from_iter([(header::ACCEPT, accept.parse().unwrap())]);
            let response = index(headers).await;
            let found = response.headers()["content-type"].to_str().unwrap();
            assert!(found.starts_with(kind), "{accept}: {found}");
            assert_eq!(response.headers()["vary"], "accept");
        }
    }

    #[test]
    fn the_page_loads_nothing_from_other_servers() {
        for outside in ["http:", "https:", "//", "src=", "@import", "url("] {
            let of_comments = |line: &&str| !line.trim_start().starts_with("//");
            let found = PAGE
                .lines()
                .filter(of_comments)
                .find(|line| line.contains(outside));
            assert_eq!(found, None, "{outside}");
        }
    }
}
