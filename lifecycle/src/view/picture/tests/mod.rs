//! Pictures of made-up lives.

use std::time::Duration;

use expect_test::expect;
use roxmltree::{Document, Node};

use super::{html, svg, text};
use crate::life::track::Mark;
use crate::report::{Blame, CriticalPath};

mod sample;

use self::sample::{SIZES, life};

fn class<'a>(node: Node<'a, 'a>) -> &'a str {
    node.attribute("class").unwrap_or_default()
}

fn all<'a>(document: &'a Document<'a>, of: &'a str) -> impl Iterator<Item = Node<'a, 'a>> {
    document
        .descendants()
        .filter(move |node| class(*node) == of)
}

/// The texts of a picture that have that class.
fn texts(document: &Document<'_>, of: &str) -> Vec<String> {
    let texts = document.descendants().filter(|node| {
        node.has_tag_name(("http://www.w3.org/2000/svg", "text"))
            && class(*node).split(' ').any(|class| class == of)
    });
    texts
        .filter_map(|node| node.text().map(str::to_owned))
        .collect()
}

/// Asserts what holds of every picture: it is XML, every shape lies within it, and it loads nothing else.
#[track_caller]
fn expect_sound(svg: &str) {
    let document = Document::parse(svg).unwrap_or_else(|error| panic!("{error}: {svg}"));
    let root = document.root_element();
    let number = |node: Node<'_, '_>, name: &str| -> Option<f64> {
        let value = node.attribute(name)?;
        let number: f64 = value.parse().unwrap_or(0.0);
        assert!(number.is_finite(), "{name}={value} in {node:?}");
        Some(number)
    };
    let (width, height) = (
        number(root, "width").unwrap(),
        number(root, "height").unwrap(),
    );
    for node in root.descendants().filter(|node| node.is_element()) {
        assert!(
            !["script", "a", "image", "use", "foreignObject"].contains(&node.tag_name().name()),
            "{node:?}"
        );
        for attribute in node.attributes() {
            assert!(!attribute.name().starts_with("on"), "{node:?}");
            assert!(!attribute.name().contains("href"), "{node:?}");
            assert!(!attribute.value().contains("NaN"), "{node:?}");
            assert!(!attribute.value().contains("inf"), "{node:?}");
        }
        if node
            .ancestors()
            .any(|node| node.has_tag_name(("http://www.w3.org/2000/svg", "defs")))
        {
            continue;
        }
        for (at, size, limit) in [("x", "width", width), ("y", "height", height)] {
            let begin = number(node, at).unwrap_or_default();
            let size = number(node, size).unwrap_or_default();
            assert!(
                begin >= 0.0 && size >= 0.0 && begin + size <= limit + 0.2,
                "{node:?} in {width} x {height}"
            );
        }
    }
    for text in root.descendants() {
        if let (Some("start"), Some(label)) = (text.attribute("text-anchor"), text.text()) {
            let (x, size) = (
                number(text, "x").unwrap(),
                number(text, "font-size").unwrap(),
            );
            let right = x + text::width(label) * size;
            assert!(right <= width, "{label:?} ends at {right}");
        }
    }
    assert!(!svg.replace("url(#life-", "").contains("url("), "{svg}");
    assert_eq!(
        svg.matches("http").count(),
        svg.matches("http_").count() + 1
    );
}

#[test]
fn every_component_has_a_row_at_any_size() {
    for count in SIZES {
        let (timeline, end) = life(count);
        let svg = svg::render(&timeline, end);
        expect_sound(&svg);
        let document = Document::parse(&svg).unwrap();
        let rows: Vec<Node<'_, '_>> = all(&document, "row").collect();
        assert_eq!(rows.len(), count);
        let mut bottom = 0.0;
        for (row, drawn) in timeline.rows.iter().zip(rows) {
            let about = drawn.first_element_child().and_then(|title| title.text());
            assert!(about.unwrap().starts_with(&row.name), "{about:?}");
            let hit = drawn.children().find(|node| class(*node) == "hit").unwrap();
            let number = |name| hit.attribute(name).unwrap().parse::<f64>().unwrap();
            // Rows do not overlap, and are high enough to be legible.
            assert!(number("y") + 0.1 >= bottom && number("height") >= 12.0);
            bottom = number("y") + number("height");
        }
    }
}

#[test]
fn waiting_work_and_layers_are_distinguishable() {
    for count in SIZES {
        let (timeline, end) = life(count);
        let svg = svg::render(&timeline, end);
        let document = Document::parse(&svg).unwrap();
        let drawn = |row: &str| -> Vec<String> {
            let place = timeline.rows.iter().position(|of| of.name == row).unwrap();
            let row = all(&document, "row").nth(place).unwrap();
            let spans = row.children().filter(|node| class(*node) == "span");
            spans
                .map(|span| class(span.last_element_child().unwrap()).to_owned())
                .collect()
        };
        let safe = ["starting", "running", "waiting", "safe", "safe"];
        assert_eq!(drawn("config"), safe, "of {count}");
        assert!(drawn("database").ends_with(&["hook".to_owned(), "emergency".to_owned()]));
        assert!(drawn("cache").ends_with(&["timeout".to_owned(), "timeout".to_owned()]));
        let again = ["starting", "waiting", "starting"].map(str::to_owned);
        assert!(drawn("index").windows(3).any(|classes| classes == again));
        // Words and shapes tell the layers apart, too.
        for (layer, shape) in [("safe", "circle"), ("timeout", "path"), ("hook", "rect")] {
            let shapes = all(&document, "row").flat_map(|row| row.children().collect::<Vec<_>>());
            let found = shapes.filter(|node| class(*node) == layer);
            assert!(
                found
                    .into_iter()
                    .any(|node| node.tag_name().name() == shape),
                "{layer}"
            );
        }
        let results = texts(&document, "wrong");
        assert!(results.contains(&"emergency (!)".to_owned()), "{results:?}");
        assert!(results.contains(&"timeout (!)".to_owned()), "{results:?}");
    }
}

#[test]
fn marks_and_phases_are_labelled_in_order() {
    let (timeline, end) = life(5);
    let svg = svg::render(&timeline, end);
    let document = Document::parse(&svg).unwrap();
    let marks: Vec<String> = document
        .root_element()
        .children()
        .filter(|node| node.tag_name().name() == "text" && class(*node) == "strong")
        .filter_map(|node| node.text().map(str::to_owned))
        .collect();
    assert_eq!(
        marks,
        ["up 2.03s", "SIGTERM", "end +3.61s", "deadline +25s"]
    );
    let phases: Vec<&str> = all(&document, "phase")
        .filter_map(|phase| phase.first_element_child()?.text())
        .collect();
    expect![[r#"
        [
            "startup: 2.03s",
            "running: 1h",
            "lame duck: 1s",
            "drain: 1.7s",
            "stop: 907ms",
            "reserve: 2s",
        ]
    "#]]
    .assert_debug_eq(&phases);
    // The lines through all rows: up and deadline; cause and end.
    let lines = document
        .descendants()
        .filter(|node| class(*node).starts_with("mark "));
    assert_eq!(lines.count(), 2);
    assert_eq!(all(&document, "mark").count(), 2);
}

#[test]
fn details_name_the_interval_and_the_component_that_was_waited_for() {
    let (timeline, end) = life(5);
    let svg = svg::render(&timeline, end);
    let document = Document::parse(&svg).unwrap();
    let row = all(&document, "row").nth(3).unwrap();
    let titles: Vec<&str> = row
        .descendants()
        .filter(|node| node.tag_name().name() == "title")
        .filter_map(|title| title.text())
        .collect();
    expect![[r#"
        model (resource)
        started in 1.18s, after database
        stopped in 39ms
        layer: safe

        model: waiting to start
        0 to 309ms: 309ms
        waited last for database

        model: starting
        309ms to 1.48s: 1.18s

        model: running
        1.48s to +2.7s: 1h

        model: stopping
        +2.7s to +2.72s: 19ms

        model: being dropped
        +2.72s to +2.74s: 20ms"#]]
    .assert_eq(&titles.join("\n\n"));
}

#[test]
fn a_life_can_be_drawn_while_it_goes_on() {
    let (whole, end) = life(50);
    let steps = 40;
    let middle = [whole.mark(Mark::Cause).unwrap(), end];
    let nows = (0..=steps).map(|step| middle[1] * step / steps);
    let close = (0..=steps).map(|step| middle[0] + (middle[1] - middle[0]) * step / steps);
    let start = (0..=steps).map(|step| Duration::from_millis(130) * step);
    for now in nows.chain(close).chain(start) {
        let mut timeline = whole.clone();
        timeline
            .marks
            .retain(|(mark, at)| *at <= now || *mark == Mark::Deadline);
        if timeline.mark(Mark::Cause).is_none() {
            timeline.marks.retain(|(mark, _)| *mark != Mark::Deadline);
        }
        for row in &mut timeline.rows {
            row.spans.retain(|span| span.begin <= now);
            if let Some(last) = row.spans.last_mut()
                && last.end > now
            {
                last.end = Duration::MAX;
            }
        }
        let svg = svg::render(&timeline, now);
        expect_sound(&svg);
        let document = Document::parse(&svg).unwrap();
        let now_is_marked = texts(&document, "strong").contains(&"now".to_owned());
        assert_eq!(now_is_marked, now < end, "{now:?}");
        let _ = html::page(&timeline, now);
        let _ = CriticalPath::of(&timeline, now).to_string();
    }
}

#[test]
fn a_life_without_components_is_a_picture() {
    let (mut timeline, _) = life(5);
    timeline.rows.clear();
    timeline.marks.clear();
    expect_sound(&svg::render(&timeline, Duration::ZERO));
    assert_eq!(Blame::of(&timeline, Duration::ZERO).to_string(), "");
}

#[test]
fn d7_names_and_errors_cannot_inject_markup() {
    let hostile =
        "</title></style></svg><script>alert(1)</script>\"'&amp;]]>\u{1b}[2J\u{202e}\u{0}\u{ffff}";
    let shown = "</title></style></svg><script>alert(1)</script>\"'&amp;]]>\\u{1b}[2J\\u{202e}\\u{0}\u{fffd}";
    let (mut timeline, end) = life(5);
    timeline.app = hostile.to_owned();
    timeline.lines = vec![hostile.to_owned(); 3];
    timeline.cause = hostile.to_owned();
    for row in &mut timeline.rows {
        row.name = hostile.to_owned();
        row.note = hostile.to_owned();
    }
    let svg = svg::render(&timeline, end);
    expect_sound(&svg);
    let document = Document::parse(&svg).unwrap();
    assert_eq!(texts(&document, "title"), [shown]);
    for row in all(&document, "row") {
        let about = row.first_element_child().and_then(|title| title.text());
        assert!(about.unwrap().matches(shown).count() >= 2, "{about:?}");
    }
    let page = html::page(&timeline, end);
    assert_eq!(page.matches("<script").count(), 1);
    assert_eq!(page.matches("</svg").count(), 1);
    assert_eq!(page.matches("<style").count(), 2);
    assert!(!page.contains(['\u{1b}', '\u{202e}', '\u{0}']));
}
