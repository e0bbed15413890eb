//! The picture of a life that goes on: the data that a stream sends for each one, and the page that shows them.

use std::time::Duration;

use serde_json::json;

use super::html::{self, Script};
use super::svg;
use super::text::Safe;
use crate::base::duration::exact;
use crate::life::outcome::{ComponentOutcome, SoFar};
use crate::life::track::{Activity, Mark};
use crate::report::timeline::Timeline;
use crate::report::{Blame, CriticalPath, Report};
use crate::scope::reason::signal_name;

/// Opens the stream of pictures and replaces each with the next.
const SCRIPT: Script = Script {
    text: include_str!("live.js"),
    hash: "'sha256-YzEQna6yz6iwA+XRhHdLcXknA5bo+rVCPMtrxGgPkYk='",
};

/// A life at one instant, drawn and described.
pub(crate) struct Picture {
    pub(crate) app: String,
    /// The phase that it is in, in a word or two.
    pub(crate) state: &'static str,
    svg: String,
    path: String,
    blame: String,
}

impl Picture {
    /// Draws a life that goes on, as far as it has come.
    pub(crate) fn so_far(life: &SoFar) -> Self {
        let outcome = &life.outcome;
        let state = state(&outcome.marks);
        let mut timeline = Timeline::new(outcome, Vec::new());
        timeline.lines.push(summary(life, &timeline, state));
        timeline.lines.extend(outcome.root.clone());
        Self::new(&timeline, state, life.age)
    }

    /// Draws a life that has ended.
    pub(crate) fn of(report: &Report) -> Self {
        let timeline = report.timeline();
        Self::new(&timeline, "ended", timeline.end())
    }

    fn new(timeline: &Timeline, state: &'static str, now: Duration) -> Self {
        Self {
            app: timeline.app.clone(),
            state,
            svg: svg::render(timeline, now),
            path: CriticalPath::of(timeline, now).to_string(),
            blame: Blame::of(timeline, now).to_string(),
        }
    }

    /// The data that the page's script takes, on one line.
    pub(crate) fn json(&self) -> String {
        json!({
            "app": self.app,
            "state": self.state,
            "picture": self.svg,
            "path": self.path,
            "blame": self.blame,
        })
        .to_string()
    }

    /// The page, which shows this picture and opens the stream of the following ones. `routes` are other paths, each
    /// with what it serves.
    pub(crate) fn page(&self, routes: &[(&str, &str)]) -> String {
        // Relative to the page: a proxy may serve it below another path.
        let link = |(path, purpose): &(&str, &str)| {
            let (relative, path, purpose) = (Safe(&path[1..]), Safe(path), Safe(purpose));
            format!("<li><a href=\"{relative}\">{path}</a> {purpose}</li>\n")
        };
        let links: String = routes.iter().map(link).collect();
        let before = format!(
            "<header><p id=\"live\" role=\"status\" data-state=\"{}\">this page needs JavaScript to follow the app</p></header>\n",
            self.state
        );
        let after = format!("<nav><ul>\n{links}</ul></nav>\n");
        html::document(&html::Parts {
            title: &format!("{}: {}", self.app, self.state),
            picture: &self.svg,
            path: &self.path,
            blame: &self.blame,
            before: &before,
            after: &after,
            more: Some(SCRIPT),
        })
    }
}

/// The phase that began last.
fn state(marks: &[(Mark, Duration)]) -> &'static str {
    let begun = |(mark, _): &(Mark, Duration)| match mark {
        Mark::Up => Some("running"),
        Mark::Cause => Some("stopping"),
        Mark::LameDuck => Some("lame duck"),
        Mark::Drain => Some("draining"),
        Mark::Stop => Some("stopping"),
        Mark::Emergency => Some("emergency"),
        Mark::Forced | Mark::End | Mark::Deadline => None,
    };
    let last = marks.iter().filter_map(begun).next_back();
    last.unwrap_or("starting")
}

/// The phase and its progress, on one line.
fn summary(life: &SoFar, timeline: &Timeline, state: &str) -> String {
    let outcome = &life.outcome;
    let app = &outcome.app;
    let all = outcome.components.len();
    let in_flight = match life.in_flight {
        0 => String::new(),
        units => format!(", {units} in flight"),
    };
    let Some(cause) = timeline.mark(Mark::Cause) else {
        let up = outcome
            .components
            .iter()
            .filter(|outcome| outcome.started.is_some());
        return match timeline.mark(Mark::Up) {
            Some(up) => format!(
                "`{app}` is running, for {}{in_flight}",
                exact(life.age.saturating_sub(up))
            ),
            None => format!(
                "`{app}` is starting: {} of {all} up after {}",
                up.count(),
                exact(life.age)
            ),
        };
    };
    let is_pending = |outcome: &&ComponentOutcome| {
        let last = outcome.spans.last();
        last.is_some_and(|span| span.end == Duration::MAX && span.activity != Activity::Waiting)
    };
    let pending = outcome.components.iter().filter(is_pending).count();
    let forced = outcome.forced.map_or_else(String::new, |signal| {
        format!(", forced by {}", signal_name(signal))
    });
    format!(
        "`{app}` stops ({}{forced}), {state}: {pending} of {all} pending{in_flight}; {} of {}",
        outcome.reason,
        exact(life.age.saturating_sub(cause)),
        exact(outcome.limit)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::picture::html::tests::hash;

    #[test]
    fn the_state_is_the_phase_that_began_last() {
        let mut marks = Vec::new();
        assert_eq!(state(&marks), "starting");
        for (mark, expected) in [
            (Mark::Up, "running"),
            (Mark::Cause, "stopping"),
            (Mark::LameDuck, "lame duck"),
            (Mark::Drain, "draining"),
            (Mark::Stop, "stopping"),
            (Mark::Forced, "stopping"),
            (Mark::Emergency, "emergency"),
            (Mark::Deadline, "emergency"),
        ] {
            marks.push((mark, Duration::ZERO));
            assert_eq!(state(&marks), expected);
        }
    }

    #[test]
    fn the_policy_allows_the_script() {
        assert_eq!(SCRIPT.hash, hash(SCRIPT.text));
    }
}
