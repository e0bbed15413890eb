//! The picture of a life that goes on: what of it is told again and again, and the page that shows it.

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

/// Opens the stream of pictures, and puts each in place of the one before.
const SCRIPT: Script = Script {
    text: include_str!("live.js"),
    hash: "'sha256-ChcsgUmqvVS+/tzn2ZOBwbu09rxCuKcASjiG4OXOkro='",
};

/// A life at one instant, drawn.
pub(crate) struct Picture {
    pub(crate) app: String,
    /// What it is at, in a word.
    pub(crate) state: &'static str,
    svg: String,
    path: String,
    blame: String,
}

impl Picture {
    /// How far it has come.
    pub(crate) fn so_far(life: &SoFar) -> Self {
        let outcome = &life.outcome;
        let state = state(&outcome.marks);
        let mut lines = vec![summary(life, state)];
        lines.extend(outcome.root.clone());
        Self::new(&Timeline::new(outcome, lines), state, life.age)
    }

    /// What it came to.
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

    /// What the page's script takes: one line.
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

    /// The page, which shows this picture and asks for those that follow. `routes` are paths beside it, and what they say.
    pub(crate) fn page(&self, routes: &[(&str, &str)]) -> String {
        // Beside the page, wherever a proxy has that.
        let link = |(path, says): &(&str, &str)| {
            let (beside, path, says) = (Safe(&path[1..]), Safe(path), Safe(says));
            format!("<li><a href=\"{beside}\">{path}</a> {says}</li>\n")
        };
        let links: String = routes.iter().map(link).collect();
        let before = format!(
            "<header><p id=\"live\" role=\"status\" data-state=\"{}\">this page needs its script to follow</p></header>\n",
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

/// The last phase that has begun.
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

/// One line: what it is at, and since when.
fn summary(life: &SoFar, state: &str) -> String {
    let outcome = &life.outcome;
    let at = |wanted: Mark| {
        let found = outcome.marks.iter().find(|(mark, _)| *mark == wanted);
        found.map(|(_, at)| *at)
    };
    let app = &outcome.app;
    let all = outcome.components.len();
    let in_flight = match life.in_flight {
        0 => String::new(),
        units => format!(", {units} in flight"),
    };
    let Some(cause) = at(Mark::Cause) else {
        let up = outcome
            .components
            .iter()
            .filter(|outcome| outcome.started.is_some());
        return match at(Mark::Up) {
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
    let is_left = |outcome: &&ComponentOutcome| {
        let last = outcome.spans.last();
        last.is_some_and(|span| span.end == Duration::MAX && span.activity != Activity::Waiting)
    };
    let left = outcome.components.iter().filter(is_left).count();
    let forced = outcome.forced.map_or_else(String::new, |signal| {
        format!(", forced by {}", signal_name(signal))
    });
    format!(
        "`{app}` stops ({}{forced}), {state}: {left} of {all} left{in_flight}; {} of {}",
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
    fn the_last_phase_that_has_begun_is_the_state() {
        let mut marks = Vec::new();
        assert_eq!(state(&marks), "starting");
        for (mark, says) in [
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
            assert_eq!(state(&marks), says);
        }
    }

    #[test]
    fn the_policy_allows_the_script() {
        assert_eq!(SCRIPT.hash, hash(SCRIPT.text));
    }
}
