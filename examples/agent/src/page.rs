//! The page at `/`: a chat for those who come with a browser. Others get the endpoints as text.

use axum::http::{HeaderMap, header};
use axum::response::{Html, IntoResponse, Response};

use crate::api::ENDPOINTS;

const PAGE: &str = include_str!("page.html");

/// It is one file, and asks nobody but this agent.
const POLICY: &str = "default-src 'none'; img-src data:; connect-src 'self'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub async fn index(headers: HeaderMap) -> Response {
    let mut accepted = headers.get_all(header::ACCEPT).iter();
    let is_browser = accepted.any(|value| {
        let value = value.to_str();
        value.is_ok_and(|value| value.contains("text/html"))
    });
    let vary = [(header::VARY, "accept")];
    if is_browser {
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
    async fn a_browser_gets_the_page_and_others_the_endpoints() {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, "*/*".parse().unwrap());
        let text = index(headers.clone()).await;
        assert!(
            text.headers()["content-type"]
                .to_str()
                .unwrap()
                .starts_with("text/plain")
        );
        headers.insert(
            header::ACCEPT,
            "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"
                .parse()
                .unwrap(),
        );
        let page = index(headers).await;
        assert!(
            page.headers()["content-type"]
                .to_str()
                .unwrap()
                .starts_with("text/html")
        );
        assert_eq!(page.headers()["vary"], "accept");
    }

    #[test]
    fn the_page_needs_nothing_from_elsewhere() {
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
