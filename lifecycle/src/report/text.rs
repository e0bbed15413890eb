//! A [`Report`] as text: the table, whole or short.

use std::fmt::{self, Write as _};
use std::time::Duration;

use crate::api::cleanup_layer::CleanupLayer;
use crate::base::duration::show;
use crate::error::escape::escape;
use crate::report::app::Report;
use crate::report::component::ComponentReport;
use crate::scope::reason::signal_name;

/// How many components the short form lists: about as many as can be taken in at a glance.
const AT_A_GLANCE: usize = 8;

impl Report {
    /// The header and, if anything went wrong, the components concerned; the whole report if it was asked for.
    pub(crate) fn in_short(&self) -> String {
        if self.is_asked_for() {
            return self.to_string();
        }
        let mut text = String::new();
        let _ = self.header(&mut text);
        if self.needs_a_look() {
            let root = self.root_error().unwrap_or_default();
            let is_wrong = |component: &&ComponentReport| {
                let note = component.note();
                // It did not come up, and the root error in the header is its error.
                let is_said = component.stopped().is_none() && root.contains(&note);
                component.layer() > CleanupLayer::Safe || !(note.is_empty() || is_said)
            };
            let wrong: Vec<_> = self.components().iter().filter(is_wrong).collect();
            let shown = &wrong[..wrong.len().min(AT_A_GLANCE)];
            if !shown.is_empty() {
                let _ = table(&mut text, shown);
            }
            if let Some(more @ 1..) = wrong.len().checked_sub(AT_A_GLANCE) {
                let _ = writeln!(
                    text,
                    "  and {more} more that did not stop gracefully; `LIFECYCLE_REPORT=life.txt` lists them all"
                );
            }
        }
        text
    }

    /// The lines that concern the whole app.
    fn header(&self, f: &mut impl fmt::Write) -> fmt::Result {
        let outcome = self.outcome();
        if let Some(root) = &outcome.root {
            writeln!(f, "error: {root}")?;
        }
        writeln!(f, "{}", self.summary())?;
        if let Some(signal) = outcome.forced {
            writeln!(f, "  forced by {}", signal_name(signal))?;
        }
        for (name, units) in &outcome.cut_work {
            let name = escape(name);
            writeln!(f, "  {units} in flight of `{name}` had to be aborted")?;
        }
        if let Some(abandoned) = self.abandoned_runtime() {
            writeln!(f, "  {abandoned}")?;
        }
        Ok(())
    }
}

/// A line for each component, below the headings.
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
    let headings = ["component", "started in", "stopped in", "layer"];
    let widths: [usize; 4] = std::array::from_fn(|column| {
        rows.iter()
            .map(|row| row[column].chars().count())
            .chain([headings[column].len()])
            .max()
            .unwrap_or(0)
    });
    let mut line = |cells: [&str; 5]| {
        let [name, started, stopped, layer, note] = cells;
        let [w0, w1, w2, w3] = widths;
        let text = format!("  {name:w0$}  {started:>w1$}  {stopped:>w2$}  {layer:w3$}  {note}");
        writeln!(f, "{}", text.trim_end())
    };
    line([headings[0], headings[1], headings[2], headings[3], ""])?;
    for row in &rows {
        line(std::array::from_fn(|column| row[column].as_str()))?;
    }
    Ok(())
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.header(f)?;
        let (untouched, others): (Vec<&ComponentReport>, Vec<_>) = self
            .components()
            .iter()
            .partition(|component| component.is_untouched());
        table(f, &others)?;
        if !untouched.is_empty() {
            writeln!(f, "  {} more had not begun to start", untouched.len())?;
        }
        Ok(())
    }
}
