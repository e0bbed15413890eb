//! The picture as an HTML page: it shows the details of a bar or a row by pointer and by keyboard, and critical path
//! and blame below. The page loads nothing else, and its content security policy allows nothing else.

use std::time::Duration;

use super::svg;
use super::text::Safe;
use crate::report::timeline::Timeline;
use crate::report::{Blame, CriticalPath};

const STYLE: &str = include_str!("page.css");
const SCRIPT: Script = Script {
    text: include_str!("page.js"),
    hash: "'sha256-Jwm3IAwAr1KrvyfNAvstYtrudIV9SilR+Oqki6wjPwg='",
};

/// The only styles that the policy allows, by their hashes: a test compares them and prints the new ones.
const STYLES: &str = "'sha256-V+0fW6e5790pms5ogEGPLaoW4AEZOU95iXNq0W4AnSg=' 'sha256-aC7hXSHp4VjdBy73giBwyI2Cy2ehaX41Edj3tSbhY2Q='";

/// A script, and the hash by which the policy allows it: a test compares it and prints the new one.
#[derive(Clone, Copy)]
pub(super) struct Script {
    pub(super) text: &'static str,
    pub(super) hash: &'static str,
}

/// The parts of a page. Titles and texts are escaped here; `picture`, `before` and `after` are markup.
pub(super) struct Parts<'a> {
    pub(super) title: &'a str,
    pub(super) picture: &'a str,
    pub(super) path: &'a str,
    pub(super) blame: &'a str,
    pub(super) before: &'a str,
    pub(super) after: &'a str,
    /// A script after that of the page, which may connect to the server that served the page.
    pub(super) more: Option<Script>,
}

/// Draws the life up to `now`, as an HTML document.
pub(crate) fn page(timeline: &Timeline, now: Duration) -> String {
    document(&Parts {
        title: &timeline.app,
        picture: &svg::render(timeline, now),
        path: &CriticalPath::of(timeline, now).to_string(),
        blame: &Blame::of(timeline, now).to_string(),
        before: "",
        after: "",
        more: None,
    })
}

pub(super) fn document(parts: &Parts<'_>) -> String {
    let (title, path, blame) = (Safe(parts.title), Safe(parts.path), Safe(parts.blame));
    let (picture, before, after) = (parts.picture, parts.before, parts.after);
    let Script { text, hash } = SCRIPT;
    let (more, policy) = match parts.more {
        Some(Script { text, hash }) => (
            format!("<script>{text}</script>\n"),
            format!(" {hash}; connect-src 'self'"),
        ),
        None => (String::new(), String::new()),
    };
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src {STYLES}; \
         script-src {hash}{policy}; img-src data:; base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<link rel=\"icon\" href=\"data:,\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n{before}<main>\n{picture}</main>\n\
         <div class=\"texts\">\n<section><h2>Critical path</h2>\n<pre id=\"path\">{path}</pre></section>\n\
         <section><h2>Slowest components</h2>\n<pre id=\"blame\">{blame}</pre></section>\n</div>\n\
         {after}<div id=\"details\" hidden></div>\n<script>{text}</script>\n{more}</body>\n</html>\n"
    )
}

#[cfg(test)]
pub(super) mod tests {
    use base64::prelude::{BASE64_STANDARD, Engine as _};
    use sha2::{Digest as _, Sha256};

    use super::*;

    pub(in crate::view::picture) fn hash(of: &str) -> String {
        format!("'sha256-{}'", BASE64_STANDARD.encode(Sha256::digest(of)))
    }

    #[test]
    fn the_policy_allows_the_styles_and_the_script() {
        assert_eq!(STYLES, format!("{} {}", hash(STYLE), hash(svg::STYLE)));
        assert_eq!(SCRIPT.hash, hash(SCRIPT.text));
    }
}
