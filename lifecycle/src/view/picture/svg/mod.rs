//! The picture as SVG: one file that loads nothing else.

mod canvas;
mod header;
mod marks;
mod rows;

use std::time::Duration;

use self::canvas::Picture;
#[cfg(test)]
pub(super) use self::canvas::STYLE;
use crate::report::timeline::Timeline;

/// Draws the life up to `now`, as an SVG document.
pub(crate) fn render(timeline: &Timeline, now: Duration) -> String {
    let mut picture = Picture::new(timeline, now);
    picture.header();
    picture.rows();
    picture.into_document()
}
