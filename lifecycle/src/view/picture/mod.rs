//! The life of an app as a picture: a row for each component, from the left to the right what it did when.
//!
//! A [`Timeline`] is plain data, and drawing it a pure function of it and of the instant that it is drawn for, so that a
//! life that goes on can be drawn as one that has ended.

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
