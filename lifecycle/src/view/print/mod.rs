//! `LIFECYCLE_PRINT`: prints the plan instead of running the app: for people, for programs that draw graphs, and as
//! the files with which systemd, Kubernetes or compose run the app.
//!
//! Nothing is started: no thread and no signal handler is created, and no file is touched. The function of `init`
//! does run, since it takes part in the plan: it disables and provides components, and sets limits.

mod budget;
mod compose;
mod dot;
mod graph_layout;
#[cfg(feature = "json")]
mod json;
/// Without the feature, `PrintFormat` refuses the format.
#[cfg(not(feature = "json"))]
mod json {
    pub(super) fn render(
        _: &crate::view::print::summary::PlanSummary<'_>,
    ) -> std::io::Result<String> {
        Err(std::io::ErrorKind::Unsupported.into())
    }
}
mod deployment;
mod kubernetes;
mod mermaid;
mod summary;
mod systemd;
mod table;
#[cfg(test)]
mod tests;

use std::io::{ErrorKind, Result, Write as _, stdout};
use std::time::Duration;

use crate::plan::Plan;
use crate::plan::environment::print_format::PrintFormat;
use crate::view::print::deployment::Service;
use crate::view::print::summary::PlanSummary;

/// The number of columns if the output is not a terminal.
const WIDTH: usize = 100;

/// Whether the plan is to be printed. It is checked before anything else is created.
pub(crate) fn is_asked() -> bool {
    std::env::var_os("LIFECYCLE_PRINT").is_some_and(|value| !value.is_empty())
}

/// Prints the plan to standard output. `given` are the environment variables that set its time limits. A reader that
/// closes the pipe early is not an error.
pub(crate) fn print(
    plan: &Plan,
    format: PrintFormat,
    given: Vec<(String, Duration)>,
) -> Result<()> {
    let summary = PlanSummary::of(plan);
    let service = || Service::of(plan, given);
    let text = match format {
        PrintFormat::Plan => table::render(&summary, width()),
        PrintFormat::Dot => dot::render(&summary),
        PrintFormat::Mermaid => mermaid::render(&summary),
        PrintFormat::Json => json::render(&summary)?,
        PrintFormat::Kubernetes => kubernetes::render(&service()),
        PrintFormat::Systemd => systemd::render(&service()),
        PrintFormat::Compose => compose::render(&service()),
    };
    let mut out = stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// The number of columns of the terminal.
#[cfg(feature = "console")]
fn width() -> usize {
    let size = console::Term::stdout().size_checked();
    size.map_or(WIDTH, |(_, columns)| usize::from(columns))
}

#[cfg(not(feature = "console"))]
fn width() -> usize {
    WIDTH
}
