//! The life of an app as a picture: a row for each component, with time from left to right.
//!
//! Drawing is a pure function of a [`Timeline`](crate::report::timeline::Timeline) and of the instant up to which it
//! is drawn, so that a life that goes on is drawn by the same code as one that has ended.

pub(crate) mod html;
#[cfg(feature = "admin")]
pub(crate) mod live;
mod scale;
pub(crate) mod svg;
mod text;

#[cfg(test)]
mod tests;

use crate::report::Report;

/// Draws a life that has ended, as SVG.
pub(crate) fn svg(report: &Report) -> String {
    let timeline = report.timeline();
    svg::render(&timeline, timeline.end())
}

/// Draws the same on an HTML page, which shows the details of what is pointed at.
pub(crate) fn html(report: &Report) -> String {
    let timeline = report.timeline();
    html::page(&timeline, timeline.end())
}
