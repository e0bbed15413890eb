//! `plan`: for people. One line a component where the width allows it, else a short paragraph.

use std::fmt::Write as _;
use std::iter::repeat_n;
use std::time::Duration;

use crate::base::duration::show;
use crate::view::print::summary::{End, Entry, Outline};

/// What the list of needs must have, for a line to be a row of a table.
const LEAST_NEEDS: usize = 24;
/// Beyond that a name does not widen its column.
const LONGEST_NAME: usize = 32;
/// So many names of a longer chain are written out, at its begin and at its end.
const CHAIN: usize = 5;
/// Bars do not grow beyond it.
const WIDEST_BAR: usize = 80;
const LEAST_WIDTH: usize = 20;

pub(super) fn render(outline: &Outline<'_>, width: usize) -> String {
    let width = width.max(LEAST_WIDTH);
    let count = |kind: &str| {
        let entries = outline.entries.iter();
        entries.filter(|entry| entry.kind() == kind).count()
    };
    let limits = outline.plan.limits;
    let mut text = String::new();
    paragraph(
        &mut text,
        &format!(
            "{}: {}, {}",
            outline.plan.name,
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
    components(&mut text, outline, width);
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
    budget(&mut text, outline, width);
    chain(&mut text, outline, width);
    text
}

fn plural(count: usize, what: &str) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{count} {what}{s}")
}

/// The cells of one component; the last one is as wide as the line leaves.
struct Row<'a> {
    level: usize,
    first: bool,
    name: String,
    cells: [String; 3],
    needs: Vec<&'a str>,
}

const HEADINGS: [&str; 3] = ["start", "stop", "else"];

fn components(text: &mut String, outline: &Outline<'_>, width: usize) {
    let mut last = 0;
    let rows: Vec<Row<'_>> = outline
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
                needs: outline.names(&entry.needs).collect(),
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
        // What a long name takes is missing at the end.
        let taken = table + length(&row.name).saturating_sub(name_width);
        let needs = fitting(&row.needs, width.saturating_sub(taken));
        line(&level, mark, &row.name, cells, &needs);
    }
}

/// The component in lines of their own, where the width does not allow a table.
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

/// What comes when the time is over.
fn otherwise(entry: &Entry<'_>) -> &'static str {
    match (entry.emergency, entry.end) {
        (true, _) => "emergency",
        (false, End::Nothing) => "",
        (false, _) => "cut",
    }
}

/// As many of the names as there is room for, and how many more there are.
fn fitting(names: &[&str], room: usize) -> String {
    let more = |left: usize| match left {
        0 => String::new(),
        left => format!(" + {left} more"),
    };
    let mut text = String::new();
    for (index, name) in names.iter().enumerate() {
        let comma = if index == 0 { "" } else { ", " };
        let next = format!("{text}{comma}{name}");
        let left = names.len() - index - 1;
        // One is named even where it does not fit.
        if index > 0 && length(&next) + length(&more(left)) > room {
            return format!("{text}{}", more(left + 1));
        }
        text = next;
    }
    text
}

/// Each part with what fills it in the bar.
fn parts(outline: &Outline<'_>) -> Vec<(char, &'static str, Duration)> {
    let budget = outline.budget;
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

fn budget(text: &mut String, outline: &Outline<'_>, width: usize) {
    let parts = parts(outline);
    let bar = bar(&parts, (width - 2).min(WIDEST_BAR));
    let _ = writeln!(text, "  {bar}");
    let mut legend: Vec<String> = parts
        .iter()
        .map(|(fill, what, time)| format!("{fill} {what} {}", show(*time)))
        .collect();
    let over = outline.budget.over;
    if !over.is_zero() {
        legend.push(format!("! {} more than there is", show(over)));
    }
    // A sign stays with its word where the line is broken.
    let legend: Vec<String> = legend
        .iter()
        .map(|part| part.replace(' ', "\u{a0}"))
        .collect();
    let mut lines = String::new();
    wrapped(&mut lines, &legend.join("   "), 2, width);
    text.push_str(&lines.replace('\u{a0}', " "));
}

/// Each part as long as it takes, and at least one column.
fn bar(parts: &[(char, &'static str, Duration)], columns: usize) -> String {
    let total: f64 = parts.iter().map(|(_, _, time)| time.as_secs_f64()).sum();
    let free = columns.saturating_sub(parts.len());
    let mut bar = String::new();
    let mut begun = 0.0;
    for (index, (fill, _, time)) in parts.iter().enumerate() {
        begun += time.as_secs_f64();
        // By where it ends, so that what is rounded does not add up.
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

fn chain(text: &mut String, outline: &Outline<'_>, width: usize) {
    if outline.longest.is_empty() {
        return;
    }
    let mut links: Vec<String> = outline
        .longest
        .iter()
        .map(|id| &outline.entries[*id])
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

/// The words in lines no longer than the width, unless one word is.
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
