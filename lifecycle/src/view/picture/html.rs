//! The picture as a page: it shows what the picture says of a bar or a row, by pointer and by keyboard, and the texts
//! below. It needs nothing else, and its policy allows nothing else.

use std::time::Duration;

use super::blame::{Blame, CriticalPath};
use super::svg;
use super::text::Safe;
use super::timeline::Timeline;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The only styles and the only script that its policy allows, by their hashes: a test compares them, and says the new
/// ones.
const STYLES: &str = "'sha256-rpg4NJhA3g9y6g/pASJI6YP4SbUuekqkNiWwWOrOs3Y=' 'sha256-LsT7RosPT9UgzwpmD5LIn1tRo0syxVzHX89Ihb6ao7Y='";
const SCRIPTS: &str = "'sha256-yWNxoh5LmiBXDhzWAABHu8BRCNELp6AKb77IKQbAvEs='";

/// The life up to `now`, as an HTML document.
pub(crate) fn page(timeline: &Timeline, now: Duration) -> String {
    let picture = svg::render(timeline, now);
    let app = Safe(&timeline.app);
    let path = CriticalPath::of(timeline, now).to_string();
    let blame = Blame::of(timeline, now).to_string();
    let (path, blame) = (Safe(&path), Safe(&blame));
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src {STYLES}; \
         script-src {SCRIPTS}; img-src data:; base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<link rel=\"icon\" href=\"data:,\">\n\
         <title>{app}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n{picture}</main>\n\
         <div class=\"texts\">\n<section><h2>Critical path</h2>\n<pre>{path}</pre></section>\n\
         <section><h2>Who took longest</h2>\n<pre>{blame}</pre></section>\n</div>\n\
         <div id=\"details\" hidden></div>\n<script>{SCRIPT}</script>\n</body>\n</html>\n"
    )
}

#[cfg(test)]
mod tests {
    use base64::prelude::{BASE64_STANDARD, Engine as _};
    use sha2::{Digest as _, Sha256};

    use super::*;

    fn hash(of: &str) -> String {
        format!("'sha256-{}'", BASE64_STANDARD.encode(Sha256::digest(of)))
    }

    #[test]
    fn the_policy_allows_what_is_there() {
        assert_eq!(STYLES, format!("{} {}", hash(STYLE), hash(svg::STYLE)));
        assert_eq!(SCRIPTS, hash(SCRIPT));
    }
}
