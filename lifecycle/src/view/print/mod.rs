//! `LIFECYCLE_PRINT`: the plan, printed in place of living it: for people, for programs that draw graphs, and as the
//! files by which others run the app.
//!
//! Nothing is started: neither a thread nor a handler of signals is made, and no file is touched. The function of
//! `init` does run, since it has its say in what the plan is: it disables, provides, and sets limits.

mod budget;
mod compose;
mod dot;
mod graph_layout;
#[cfg(feature = "json")]
mod json;
/// The format is refused then.
#[cfg(not(feature = "json"))]
mod json {
    pub(super) fn render(_: &crate::view::print::summary::Outline<'_>) -> std::io::Result<String> {
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
use crate::view::print::summary::Outline;

/// Columns where the output is no terminal.
const WIDTH: usize = 100;

/// Whether anything is to be printed: asked before all else, since then nothing else is made.
pub(crate) fn is_asked() -> bool {
    std::env::var_os("LIFECYCLE_PRINT").is_some_and(|value| !value.is_empty())
}

/// Prints the plan to standard output. `given` are the variables that set its times. A reader that has seen enough is
/// no error.
pub(crate) fn print(
    plan: &Plan,
    format: PrintFormat,
    given: Vec<(String, Duration)>,
) -> Result<()> {
    let outline = Outline::of(plan);
    let service = || Service::of(plan, given);
    let text = match format {
        PrintFormat::Plan => table::render(&outline, width()),
        PrintFormat::Dot => dot::render(&outline),
        PrintFormat::Mermaid => mermaid::render(&outline),
        PrintFormat::Json => json::render(&outline)?,
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

/// How many columns the terminal has.
#[cfg(feature = "console")]
fn width() -> usize {
    let size = console::Term::stdout().size_checked();
    size.map_or(WIDTH, |(_, columns)| usize::from(columns))
}

#[cfg(not(feature = "console"))]
fn width() -> usize {
    WIDTH
}
