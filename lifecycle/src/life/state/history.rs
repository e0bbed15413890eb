//! [`History`]: the instants of the whole life.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use crate::life::track::Mark;

pub(crate) struct History {
    pub(crate) began: Instant,
    /// The same instant by the clock on the wall.
    pub(crate) began_at: SystemTime,
    marks: Vec<(Mark, Instant)>,
    /// How long the startup took, once the app has come up.
    startup: Option<Duration>,
}

impl History {
    pub(crate) fn new() -> Self {
        Self {
            began: Instant::now(),
            began_at: SystemTime::now(),
            marks: Vec::new(),
            startup: None,
        }
    }

    /// The life begins now: it may have been made some time ago.
    pub(crate) fn begin(&mut self) {
        self.began = Instant::now();
        self.began_at = SystemTime::now();
    }

    /// The app is up. Returns how long that took.
    pub(crate) fn came_up(&mut self) -> Duration {
        let took = self.began.elapsed();
        self.startup = Some(took);
        self.mark(Mark::Up);
        took
    }

    pub(crate) fn has_come_up(&self) -> bool {
        self.startup.is_some()
    }

    pub(crate) fn startup(&self) -> Duration {
        self.startup.unwrap_or_default()
    }

    pub(crate) fn mark(&mut self, mark: Mark) {
        self.mark_at(mark, Instant::now());
    }

    pub(crate) fn mark_at(&mut self, mark: Mark, at: Instant) {
        self.marks.push((mark, at));
    }

    pub(crate) fn marked(&self, mark: Mark) -> Option<Instant> {
        let found = self.marks.iter().find(|(other, _)| *other == mark);
        found.map(|(_, at)| *at)
    }

    /// All marks in their order, the deadline among them, as offsets from the begin.
    pub(crate) fn offsets(&self, deadline: Option<Instant>) -> Vec<(Mark, Duration)> {
        let mut marks = self.marks.clone();
        marks.extend(deadline.map(|at| (Mark::Deadline, at)));
        marks.sort_by_key(|(_, at)| *at);
        let offset = |(mark, at): (Mark, Instant)| (mark, at.saturating_duration_since(self.began));
        marks.into_iter().map(offset).collect()
    }
}
