//! [`Report`]: the outcome of a life, for people, for tests and as an exit code.

use std::process::{ExitCode, Termination};
use std::time::Duration;

use crate::base::duration::show;
use crate::life::outcome::Outcome;
use crate::report::blame::Blame;
use crate::report::component::ComponentReport;
use crate::report::critical_path::CriticalPath;
use crate::report::timeline::Timeline;
use crate::scope::reason::Reason;

/// The outcome of one life of an app, from its first start to the end of its shutdown.
///
/// [`Running::stop`](crate::Running::stop) and [`Running::wait`](crate::Running::wait) return it, and so does
/// [`StartError::report`](crate::StartError::report) for an app that did not come up. It displays as the table that the
/// console prints: the root error, a summary, and a line for each component.
///
/// ```
/// use lifecycle::{CleanupLayer, Lifecycle, Reason, Shutdown};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), lifecycle::StartError> {
/// let running = Lifecycle::builder()
///     .background("poll", |shutdown: Shutdown| async move { shutdown.requested().await })
///     .start()
///     .await?;
/// let report = running.stop().await;
/// assert_eq!((report.reason(), report.exit_code()), (&Reason::Requested, 0));
/// let poll = report.component("poll").expect("it ran");
/// assert_eq!((poll.layer(), poll.errors().len()), (CleanupLayer::Safe, 0));
/// # Ok(())
/// # }
/// ```
///
/// A `main` that starts an app itself can return its report: [`Termination`] makes
/// [`exit_code`](Self::exit_code) the exit code of the process. It prints nothing.
///
/// ```
/// use lifecycle::{Lifecycle, Report, StartError};
///
/// #[tokio::main(flavor = "current_thread")]
/// async fn main() -> Result<Report, StartError> {
///     let running = Lifecycle::builder().start().await?;
///     Ok(running.stop().await)
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Report {
    outcome: Outcome,
    components: Vec<ComponentReport>,
    /// How long the end of the runtime was awaited before the runtime was abandoned.
    abandoned_runtime: Option<Duration>,
    asked_for: bool,
}

impl Report {
    pub(crate) fn new(outcome: Outcome) -> Self {
        let components = outcome
            .body
            .iter()
            .filter(|body| body.is_worth_a_line())
            .chain(&outcome.components)
            .cloned()
            .map(ComponentReport::new)
            .collect();
        Self {
            outcome,
            components,
            abandoned_runtime: None,
            asked_for: false,
        }
    }

    /// Shows the whole report on the console even if nothing went wrong.
    pub(crate) fn asked_for(mut self, asked_for: bool) -> Self {
        self.asked_for = asked_for;
        self
    }

    /// The same life, forced by that signal.
    pub(crate) fn forced_by(mut self, signal: Option<i32>) -> Self {
        if let Some(signal) = signal {
            self.outcome.forced = Some(signal);
            self.outcome.exit_code = 128 + signal;
        }
        self
    }

    /// Notes that the runtime did not end within `bound` and was abandoned.
    pub(crate) fn abandon_runtime(&mut self, bound: Duration) {
        self.abandoned_runtime = Some(bound);
    }

    /// Whether every component stopped gracefully and nothing failed: the exit code is 0.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.exit_code() == 0
    }

    /// Returns the exit code of the life.
    ///
    /// | code | meaning |
    /// | --- | --- |
    /// | 0 | every component stopped gracefully, and nothing failed |
    /// | 1 | the app failed |
    /// | 2 | the configuration is wrong |
    /// | 3 | a component needed its timeout or its emergency hook, or admitted work was aborted |
    /// | 128 + n | forced by signal n: 130 for SIGINT, 143 for SIGTERM |
    /// | another one | user code called `exit` with it: [`Reason::Exited`] |
    #[must_use]
    pub fn exit_code(&self) -> i32 {
        self.outcome.exit_code
    }

    /// Returns why the app stopped: the first cause, which later ones do not replace.
    #[must_use]
    pub fn reason(&self) -> &Reason {
        &self.outcome.reason
    }

    /// Returns the error that stopped the app, with its sources, on one line; `None` if no error stopped it.
    #[must_use]
    pub fn root_error(&self) -> Option<&str> {
        self.outcome.root.as_deref()
    }

    /// Whether the app came up: every component had started.
    #[must_use]
    pub fn ran(&self) -> bool {
        self.outcome.ran
    }

    /// Returns how long the startup took; zero if the app did not come up.
    #[must_use]
    pub fn startup(&self) -> Duration {
        self.outcome.startup
    }

    /// Returns how long the shutdown took, from its first cause.
    #[must_use]
    pub fn shutdown(&self) -> Duration {
        self.outcome.shutdown
    }

    /// Returns how many units of admitted work were aborted because they did not end within the drain.
    #[must_use]
    pub fn aborted_work(&self) -> u64 {
        self.outcome
            .aborted_work
            .iter()
            .map(|(_, units)| units)
            .sum()
    }

    /// Returns the components in the order in which they ended, then those that never came up.
    #[must_use]
    pub fn components(&self) -> &[ComponentReport] {
        &self.components
    }

    /// Returns the component of that name.
    #[must_use]
    pub fn component(&self, name: &str) -> Option<&ComponentReport> {
        self.components
            .iter()
            .find(|component| component.name() == name)
    }

    /// Lists the components by how long they took to start and to stop, the slowest first.
    ///
    /// The time that a component waited for others is not included, so that a slow component is not necessarily on the
    /// [critical path](Self::critical_path).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let report = lifecycle::Lifecycle::builder().start().await.unwrap().stop().await;
    /// print!("{}", report.blame());
    /// # }
    /// ```
    #[must_use]
    pub fn blame(&self) -> Blame {
        let timeline = self.timeline();
        Blame::of(&timeline, timeline.end())
    }

    /// Computes the critical paths of startup and shutdown: the chains of components that determined how long each
    /// took.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let report = lifecycle::Lifecycle::builder().start().await.unwrap().stop().await;
    /// print!("{}", report.critical_path());
    /// # }
    /// ```
    #[must_use]
    pub fn critical_path(&self) -> CriticalPath {
        let timeline = self.timeline();
        CriticalPath::of(&timeline, timeline.end())
    }

    pub(crate) fn outcome(&self) -> &Outcome {
        &self.outcome
    }

    pub(crate) fn is_asked_for(&self) -> bool {
        self.asked_for
    }

    /// The timeline, with the lines that head a picture of it.
    pub(crate) fn timeline(&self) -> Timeline {
        let mut lines = vec![self.summary()];
        lines.extend(self.outcome.root.clone());
        lines.extend(self.abandoned_runtime());
        Timeline::new(&self.outcome, lines)
    }

    /// How the life ended, on one line.
    pub(crate) fn summary(&self) -> String {
        let outcome = &self.outcome;
        let took = show(outcome.shutdown);
        if !outcome.ran {
            return format!(
                "`{}` did not come up; what had started was taken down in {took}",
                outcome.app
            );
        }
        let how = match outcome.exit_code {
            0 => "cleanly".to_owned(),
            code => format!("with exit code {code}"),
        };
        format!(
            "`{}` stopped {how} in {took} of {} ({})",
            outcome.app,
            show(outcome.limit),
            outcome.reason
        )
    }

    /// Whether there is more to show than the summary.
    pub(crate) fn needs_a_look(&self) -> bool {
        self.asked_for
            || !self.is_clean()
            || self.abandoned_runtime.is_some()
            || self
                .components
                .iter()
                .any(|component| component.leaked() > 0)
    }

    /// Says that the runtime was abandoned. What held it is not known by name: a blocking task of tokio's, or a task
    /// that no component tracks.
    pub(crate) fn abandoned_runtime(&self) -> Option<String> {
        let waited = show(self.abandoned_runtime?);
        Some(format!(
            "the runtime was abandoned: something that runs on it did not end within {waited}"
        ))
    }
}

/// The exit code of the process is [`Report::exit_code`].
impl Termination for Report {
    fn report(self) -> ExitCode {
        // No signal that forces has a number over 127. A code that did not fit must not turn into 0.
        u8::try_from(self.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from)
    }
}

#[cfg(test)]
impl Report {
    /// The report of an app without components.
    pub(crate) fn sample(exit_code: i32) -> Self {
        Self::new(Outcome {
            app: "App".to_owned(),
            reason: Reason::Requested,
            root: None,
            ran: true,
            exit_code,
            startup: Duration::ZERO,
            shutdown: Duration::ZERO,
            limit: Duration::ZERO,
            reserve: Duration::ZERO,
            forced: None,
            aborted_work: Vec::new(),
            began: std::time::SystemTime::UNIX_EPOCH,
            marks: Vec::new(),
            body: None,
            components: Vec::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_of_the_process_is_that_of_the_life() {
        for code in [0, 1, 2, 3] {
            let expected = ExitCode::from(u8::try_from(code).expect("it is small"));
            assert_eq!(Termination::report(Report::sample(code)), expected);
        }
        let forced = Report::sample(3).forced_by(Some(15));
        assert_eq!(forced.exit_code(), 143);
        assert_eq!(Termination::report(forced), ExitCode::from(143));
        for code in [-1, 256] {
            assert_eq!(Termination::report(Report::sample(code)), ExitCode::FAILURE);
        }
    }
}
