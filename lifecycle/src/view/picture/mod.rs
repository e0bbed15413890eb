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

use crate::report::Report;
use crate::report::blame::{Blame, CriticalPath};
use crate::report::timeline::Timeline;

#[cfg(test)]
mod tests;

/// The picture of a life that has ended, as SVG.
pub(crate) fn svg(report: &Report) -> String {
    let timeline = Timeline::of(report);
    svg::render(&timeline, timeline.end())
}

/// The same on a page that says more of what is pointed at.
pub(crate) fn html(report: &Report) -> String {
    let timeline = Timeline::of(report);
    html::page(&timeline, timeline.end())
}

/// The table, and where the time went.
pub(crate) fn text(report: &Report) -> String {
    let (path, blame) = (critical_path(report), blame(report));
    format!("{report}\n{path}\n{blame}")
}

pub(crate) fn blame(report: &Report) -> Blame {
    let timeline = Timeline::of(report);
    Blame::of(&timeline, timeline.end())
}

pub(crate) fn critical_path(report: &Report) -> CriticalPath {
    let timeline = Timeline::of(report);
    CriticalPath::of(&timeline, timeline.end())
}
