//! [`Report`]: what happened to each component, for people and for tests.

pub(crate) mod blame;
pub(crate) mod critical_path;
pub(crate) mod timeline;

use std::fmt::{self, Write as _};
use std::time::Duration;

use crate::api::cleanup_layer::CleanupLayer;
use crate::api::leases::Outstanding;
use crate::base::duration::show;
use crate::error::escape::escape;
use crate::life::outcome::{ComponentOutcome, Outcome, describe};
use crate::report::blame::{Blame, CriticalPath};
use crate::scope::reason::{Reason, signal_name};
use crate::view::picture;

/// What the life of an app came to. It displays as a table.
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
#[derive(Debug, Clone)]
pub struct Report {
    outcome: Outcome,
    components: Vec<ComponentReport>,
    /// How long the runtime was waited for, where it did not end and was left behind.
    pub(crate) left_behind: Option<Duration>,
    asked_for: bool,
}

/// What happened to one component.
#[derive(Debug, Clone)]
pub struct ComponentReport(ComponentOutcome);

impl Report {
    pub(crate) fn new(outcome: Outcome) -> Self {
        let components = outcome
            .body
            .iter()
            .filter(|body| body.is_worth_a_line())
            .chain(&outcome.components)
            .cloned()
            .map(ComponentReport)
            .collect();
        Self {
            outcome,
            components,
            left_behind: None,
            asked_for: false,
        }
    }

    /// Shown whole even where nobody has to look at it.
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

    /// Whether everything ended by itself in time and nothing failed: the exit code is 0.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.exit_code() == 0
    }

    /// The exit code of the life: 0 clean, 1 the app failed, 2 wrong configuration, 3 something needed the second or
    /// third layer or was cut, 128 + n forced by signal n.
    #[must_use]
    pub fn exit_code(&self) -> i32 {
        self.outcome.exit_code
    }

    /// Why the app stopped.
    #[must_use]
    pub fn reason(&self) -> &Reason {
        &self.outcome.reason
    }

    /// The error that stopped the app, with its causes.
    #[must_use]
    pub fn root_error(&self) -> Option<&str> {
        self.outcome.root.as_deref()
    }

    /// Whether the app came up.
    #[must_use]
    pub fn ran(&self) -> bool {
        self.outcome.ran
    }

    /// How long the startup took; zero when the app did not come up.
    #[must_use]
    pub fn startup(&self) -> Duration {
        self.outcome.startup
    }

    /// How long the shutdown took, from its first cause.
    #[must_use]
    pub fn shutdown(&self) -> Duration {
        self.outcome.shutdown
    }

    /// How many units of admitted work had to be cut.
    #[must_use]
    pub fn cut_work(&self) -> u64 {
        self.outcome
            .aborted_work
            .iter()
            .map(|(_, units)| units)
            .sum()
    }

    /// The components, in the order in which they ended; those that never came up last.
    #[must_use]
    pub fn components(&self) -> &[ComponentReport] {
        &self.components
    }

    /// The component of that name.
    #[must_use]
    pub fn component(&self, name: &str) -> Option<&ComponentReport> {
        self.components
            .iter()
            .find(|component| component.name() == name)
    }

    /// Who took longest to start and to stop, what each waited for not included. It displays as two lists.
    ///
    /// As `systemd-analyze blame` does it: who takes long is not always who holds others up, which
    /// [`critical_path`](Self::critical_path) tells.
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
        picture::blame(self)
    }

    /// The chains of components that startup and shutdown could not have been faster than: each began when the one
    /// before it was done. It displays as a list each, with when each one began and how long it took.
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
        picture::critical_path(self)
    }

    pub(crate) fn outcome(&self) -> &Outcome {
        &self.outcome
    }

    /// One line: how it ended.
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

    /// Whether a person must look at it, or wants to.
    pub(crate) fn needs_a_look(&self) -> bool {
        self.asked_for
            || !self.is_clean()
            || self.left_behind.is_some()
            || self
                .components
                .iter()
                .any(|component| component.0.leaked.after_stop > 0)
    }

    /// What nobody was asked to end: tokio's blocking tasks, and tasks that are not tracked.
    pub(crate) fn left_behind(&self) -> Option<String> {
        let waited = show(self.left_behind?);
        Some(format!(
            "the runtime was left behind: something that runs on it did not end within {waited}"
        ))
    }
}

impl ComponentReport {
    /// Its name, as in logs and plans.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Whether it is a worker.
    #[must_use]
    pub fn is_worker(&self) -> bool {
        self.0.worker
    }

    /// How long its start took; `None` when it did not come up.
    #[must_use]
    pub fn started(&self) -> Option<Duration> {
        self.0.started
    }

    /// How long its stop took, emergency hook and destructor included; `None` when there was nothing to stop.
    #[must_use]
    pub fn stopped(&self) -> Option<Duration> {
        self.0.stopped
    }

    /// How far its cleanup had to go.
    #[must_use]
    pub fn layer(&self) -> CleanupLayer {
        self.0.layer
    }

    /// What went wrong, in the order in which it did.
    #[must_use]
    pub fn errors(&self) -> &[String] {
        &self.0.errors
    }

    /// How often it was restarted.
    #[must_use]
    pub fn restarts(&self) -> u32 {
        self.0.restarts
    }

    /// How many leases were still out after its stop.
    #[must_use]
    pub fn leaked(&self) -> usize {
        self.0.leaked.after_stop
    }

    /// The oldest of these leases, at most 16: of a resource whose `in_use` asks [`Leases::count`](crate::Leases::count).
    #[must_use]
    pub fn leases(&self) -> &[Outstanding] {
        &self.0.leaked.oldest
    }

    /// The names of its tasks that did not end even when cancelled.
    #[must_use]
    pub fn unfinished_tasks(&self) -> &[String] {
        &self.0.unfinished_tasks
    }

    /// Everything that went wrong, on one line.
    pub(crate) fn note(&self) -> String {
        describe(&self.0.errors, &self.0.unfinished_tasks, &self.0.leaked)
    }
}

/// What a person can take in at a glance.
const AT_A_GLANCE: usize = 8;

impl Report {
    /// How it ended and, where somebody must look at it, what is wrong; all of it where that was asked for.
    pub(crate) fn in_short(&self) -> String {
        if self.asked_for {
            return self.to_string();
        }
        let mut text = String::new();
        let _ = self.head(&mut text);
        if self.needs_a_look() {
            let root = self.root_error().unwrap_or_default();
            let is_wrong = |component: &&ComponentReport| {
                let note = component.note();
                // What did not come up, and is said already.
                let is_said = component.stopped().is_none() && root.contains(&note);
                component.layer() > CleanupLayer::Safe || !(note.is_empty() || is_said)
            };
            let wrong: Vec<_> = self.components.iter().filter(is_wrong).collect();
            let shown = &wrong[..wrong.len().min(AT_A_GLANCE)];
            if !shown.is_empty() {
                let _ = table(&mut text, shown);
            }
            if let Some(more @ 1..) = wrong.len().checked_sub(AT_A_GLANCE) {
                let _ = writeln!(
                    text,
                    "  and {more} more that did not end well; `LIFECYCLE_REPORT=life.txt` has them all"
                );
            }
        }
        text
    }

    /// What is to be said of the whole.
    fn head(&self, f: &mut impl fmt::Write) -> fmt::Result {
        let outcome = &self.outcome;
        if let Some(root) = &outcome.root {
            writeln!(f, "error: {root}")?;
        }
        writeln!(f, "{}", self.summary())?;
        if let Some(signal) = outcome.forced {
            writeln!(f, "  forced by {}", signal_name(signal))?;
        }
        for (name, units) in &outcome.aborted_work {
            writeln!(f, "  {units} in flight of `{}` had to be cut", escape(name))?;
        }
        if let Some(leak) = self.left_behind() {
            writeln!(f, "  {leak}")?;
        }
        Ok(())
    }
}

/// A line for each of them.
fn table(f: &mut impl fmt::Write, components: &[&ComponentReport]) -> fmt::Result {
    let time = |time: Option<Duration>| time.map_or_else(|| "-".to_owned(), show);
    let row = |component: &&ComponentReport| {
        let layer = component
            .stopped()
            .map_or("-", |_| component.layer().as_str());
        [
            escape(component.name()),
            time(component.started()),
            time(component.stopped()),
            layer.to_owned(),
            component.note(),
        ]
    };
    let rows: Vec<[String; 5]> = components.iter().map(row).collect();
    let heads = ["component", "started in", "stopped in", "layer"];
    let widths: [usize; 4] = std::array::from_fn(|column| {
        rows.iter()
            .map(|row| row[column].chars().count())
            .chain([heads[column].len()])
            .max()
            .unwrap_or(0)
    });
    let mut line = |cells: [&str; 5]| {
        let [name, started, stopped, layer, note] = cells;
        let [w0, w1, w2, w3] = widths;
        let text = format!("  {name:w0$}  {started:>w1$}  {stopped:>w2$}  {layer:w3$}  {note}");
        writeln!(f, "{}", text.trim_end())
    };
    line([heads[0], heads[1], heads[2], heads[3], ""])?;
    for row in &rows {
        line(std::array::from_fn(|column| row[column].as_str()))?;
    }
    Ok(())
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.head(f)?;
        let untouched = |component: &&ComponentReport| {
            component.0.started.is_none() && component.0.errors.is_empty()
        };
        let (never_started, others): (Vec<_>, Vec<_>) = self.components.iter().partition(untouched);
        table(f, &others)?;
        if !never_started.is_empty() {
            writeln!(f, "  {} more had not begun to start", never_started.len())?;
        }
        Ok(())
    }
}
