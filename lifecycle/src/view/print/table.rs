//! `plan`: for people. One line per component if the width allows it, or else a short paragraph per component.

use std::fmt::Write as _;
use std::iter::repeat_n;
use std::time::Duration;

use crate::base::duration::show;
use crate::view::print::summary::{End, Entry, PlanSummary};

/// The least width of the column of needs: below it, components are printed as paragraphs.
const LEAST_NEEDS: usize = 24;
/// The greatest width of the column of names. A longer name moves the cells of its own line.
const LONGEST_NAME: usize = 32;
/// How many names of a longer chain are printed at its begin and at its end.
const CHAIN: usize = 5;
/// The greatest width of the bar.
const WIDEST_BAR: usize = 80;
const LEAST_WIDTH: usize = 20;

pub(super) fn render(summary: &PlanSummary<'_>, width: usize) -> String {
    let width = width.max(LEAST_WIDTH);
    let count = |kind: &str| {
        let entries = summary.entries.iter();
        entries.filter(|entry| entry.kind() == kind).count()
    };
    let limits = summary.plan.limits;
    let mut text = String::new();
    paragraph(
        &mut text,
        &format!(
            "{}: {}, {}",
            summary.plan.name,
            plural(count("resource"), "resource"),
            plural(count("worker"), "worker"),
        ),
        width,
    );
    text.push('\n');
    paragraph(
        &mut text,
        &format!(
            "Start, {} at most: top down, each as soon as what it needs is up. Stop: bottom up.",
            show(limits.startup)
        ),
        width,
    );
    text.push('\n');
    components(&mut text, summary, width);
    text.push('\n');
    paragraph(
        &mut text,
        &format!(
            "End, {} at most from the first cause:",
            show(limits.shutdown)
        ),
        width,
    );
    text.push('\n');
    budget(&mut text, summary, width);
    chain(&mut text, summary, width);
    text
}

fn plural(count: usize, what: &str) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{count} {what}{s}")
}

/// The cells of one component. The list of needs takes the rest of the line.
struct Row<'a> {
    level: usize,
    first: bool,
    name: String,
    cells: [String; 3],
    needs: Vec<&'a str>,
}

const HEADINGS: [&str; 3] = ["start", "stop", "else"];

fn components(text: &mut String, summary: &PlanSummary<'_>, width: usize) {
    let mut last = 0;
    let rows: Vec<Row<'_>> = summary
        .by_level()
        .into_iter()
        .map(|entry| {
            let first = entry.level != last;
            last = entry.level;
            Row {
                level: entry.level,
                first,
                name: name(entry),
                cells: [start(entry), stop(entry), otherwise(entry).to_owned()],
                needs: summary.names(&entry.needs).collect(),
            }
        })
        .collect();
    let level_width = last.to_string().len();
    let names = rows.iter().map(|row| length(&row.name));
    let name_width = names.max().unwrap_or(0).min(LONGEST_NAME);
    let widths: Vec<usize> = (0..HEADINGS.len())
        .map(|cell| {
            let cells = rows.iter().map(|row| length(&row.cells[cell]));
            cells.chain([length(HEADINGS[cell])]).max().unwrap_or(0)
        })
        .collect();
    let table =
        level_width + 3 + name_width + 2 + widths.iter().map(|width| width + 2).sum::<usize>();
    if table + LEAST_NEEDS > width {
        for row in rows {
            stacked(text, &row, level_width, width);
        }
        return;
    }
    let mut line = |level: &str, mark: &str, name: &str, cells: [&str; 3], needs: &str| {
        let mut line = format!("{level:>level_width$} {mark} {name:name_width$}");
        for (cell, width) in cells.into_iter().zip(&widths) {
            let _ = write!(line, "  {cell:width$}");
        }
        let _ = write!(line, "  {needs}");
        text.push_str(line.trim_end());
        text.push('\n');
    };
    line("", " ", "", HEADINGS, "needs");
    for row in &rows {
        let (level, mark) = if row.first {
            (row.level.to_string(), "┬")
        } else {
            (String::new(), "│")
        };
        let cells = [&*row.cells[0], &*row.cells[1], &*row.cells[2]];
        // A long name takes its excess from the needs.
        let taken = table + length(&row.name).saturating_sub(name_width);
        let needs = fitting(&row.needs, width.saturating_sub(taken));
        line(&level, mark, &row.name, cells, &needs);
    }
}

/// Prints the component as a paragraph.
fn stacked(text: &mut String, row: &Row<'_>, level_width: usize, width: usize) {
    let level = if row.first {
        row.level.to_string()
    } else {
        String::new()
    };
    let _ = writeln!(text, "{level:>level_width$} {}", row.name);
    let mut facts: Vec<String> = HEADINGS
        .into_iter()
        .zip(&row.cells)
        .filter(|(_, cell)| !cell.is_empty())
        .map(|(heading, cell)| format!("{heading} {cell}"))
        .collect();
    if !row.needs.is_empty() {
        facts.push(format!("needs {}", fitting(&row.needs, width)));
    }
    let indent = level_width + 3;
    wrapped(text, &facts.join("; "), indent, width);
}

fn name(entry: &Entry<'_>) -> String {
    match entry.order() {
        Some(order) => format!("{} (order {order})", entry.name),
        None => entry.name.clone(),
    }
}

fn start(entry: &Entry<'_>) -> String {
    let Some(component) = entry.component else {
        return String::new();
    };
    let limit = show(component.start_timeout);
    match component.retries {
        0 => limit,
        retries => format!("{limit}, {} tries", u64::from(retries) + 1),
    }
}

fn stop(entry: &Entry<'_>) -> String {
    match entry.end {
        End::Nothing => String::new(),
        End::Within(timeout) => show(timeout),
        End::Share(least) => format!("{} or more", show(least)),
        End::Drain => "the drain".to_owned(),
    }
}

/// What happens when the time to stop is over.
fn otherwise(entry: &Entry<'_>) -> &'static str {
    match (entry.emergency, entry.end) {
        (true, _) => "emergency",
        (false, End::Nothing) => "",
        (false, _) => "cancel",
    }
}

/// The names that there is room for, and the number of the others.
fn fitting(names: &[&str], room: usize) -> String {
    let more = |rest: usize| match rest {
        0 => String::new(),
        rest => format!(" + {rest} more"),
    };
    let mut text = String::new();
    for (index, name) in names.iter().enumerate() {
        let comma = if index == 0 { "" } else { ", " };
        let next = format!("{text}{comma}{name}");
        let rest = names.len() - index - 1;
        // The first name is printed even if it does not fit.
        if index > 0 && length(&next) + length(&more(rest)) > room {
            return format!("{text}{}", more(rest + 1));
        }
        text = next;
    }
    text
}

/// The parts of the budget, each with the character that fills it in the bar.
fn parts(summary: &PlanSummary<'_>) -> Vec<(char, &'static str, Duration)> {
    let budget = summary.budget;
    let mut parts = vec![
        ('░', "lame duck", budget.lame_duck),
        ('▒', "drain", budget.drain),
        ('▓', "teardown", budget.stop),
        ('█', "emergency", budget.emergency),
        ('·', "margin", budget.margin),
    ];
    parts.retain(|(_, _, time)| !time.is_zero());
    parts
}

fn budget(text: &mut String, summary: &PlanSummary<'_>, width: usize) {
    let parts = parts(summary);
    let bar = bar(&parts, (width - 2).min(WIDEST_BAR));
    let _ = writeln!(text, "  {bar}");
    let mut legend: Vec<String> = parts
        .iter()
        .map(|(fill, what, time)| format!("{fill} {what} {}", show(*time)))
        .collect();
    let over = summary.budget.over;
    if !over.is_zero() {
        legend.push(format!("! {} more than there is", show(over)));
    }
    // A line break must not separate a sign from its label.
    let legend: Vec<String> = legend
        .iter()
        .map(|part| part.replace(' ', "\u{a0}"))
        .collect();
    let mut lines = String::new();
    wrapped(&mut lines, &legend.join("   "), 2, width);
    text.push_str(&lines.replace('\u{a0}', " "));
}

/// Draws each part in proportion to its time, and at least one column wide.
fn bar(parts: &[(char, &'static str, Duration)], columns: usize) -> String {
    let total: f64 = parts.iter().map(|(_, _, time)| time.as_secs_f64()).sum();
    let free = columns.saturating_sub(parts.len());
    let mut bar = String::new();
    let mut begun = 0.0;
    for (index, (fill, _, time)) in parts.iter().enumerate() {
        begun += time.as_secs_f64();
        // The end of each part is rounded, and not its width: errors of rounding do not add up.
        let ends = index + 1 + columns_of(begun / total, free);
        bar.extend(repeat_n(*fill, ends - bar.chars().count()));
    }
    bar
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a part of a few columns"
)]
fn columns_of(part: f64, columns: usize) -> usize {
    (part * columns as f64).round() as usize
}

/// Prints the longest chain of stops.
fn chain(text: &mut String, summary: &PlanSummary<'_>, width: usize) {
    if summary.longest.is_empty() {
        return;
    }
    let mut links: Vec<String> = summary
        .longest
        .iter()
        .map(|id| &summary.entries[*id])
        .map(|entry| match entry.end {
            End::Within(timeout) => format!("{} {}", entry.name, show(timeout)),
            _ => format!("{} a share", entry.name),
        })
        .collect();
    if links.len() > 2 * CHAIN + 1 {
        let more = format!("{} more", links.len() - 2 * CHAIN);
        links.splice(CHAIN..links.len() - CHAIN, [more]);
    }
    text.push('\n');
    let chain = format!("Longest chain of timeouts: {}", links.join(" -> "));
    paragraph(text, &chain, width);
}

fn paragraph(text: &mut String, words: &str, width: usize) {
    wrapped(text, words, 0, width);
}

/// Wraps the words into lines no longer than the width, except for a word that is longer itself.
fn wrapped(text: &mut String, words: &str, indent: usize, width: usize) {
    let mut line = " ".repeat(indent);
    for word in words.split(' ') {
        if length(line.trim_end()) > indent && length(&line) + length(word) > width {
            let _ = writeln!(text, "{}", line.trim_end());
            line = " ".repeat(indent);
        }
        if word.is_empty() && line.trim().is_empty() {
            continue;
        }
        line.push_str(word);
        line.push(' ');
    }
    let _ = writeln!(text, "{}", line.trim_end());
}

fn length(text: &str) -> usize {
    text.chars().count()
}
