//! The report as a picture, as a page, and as text.

use super::*;

/// The report of a chain whose `c` does not stop in time, in a given format; the only file in the folder.
fn written_as(name: &str) -> String {
    let folder = Folder::new();
    let program = program!("chain")
        .with("c.start=slow:60 c.stop=hang")
        .env("LIFECYCLE_TIMEOUT_C", "150ms")
        .env("LIFECYCLE_REPORT", folder.path(name));
    program.stop().expect_code(3);
    assert_eq!(folder.names(), [name]);
    read_to_string(folder.path(name)).expect("a report")
}

#[test]
fn d8_a_life_is_written_as_a_picture() {
    let svg = written_as("life.svg");
    assert!(
        svg.starts_with("<svg ") && svg.ends_with("</svg>\n"),
        "{svg}"
    );
    for says in [
        "<title>c (resource)\nstarted in ",
        "ms, after b\nstopped in ",
        "ms, after d\nlayer: emergency\n",
        "<title>b: waiting to stop\n",
        "\nwaited last for c</title>",
        ">SIGTERM</text>",
        ">deadline +10s</text>",
        "<rect class=\"path\" ",
    ] {
        assert!(svg.contains(says), "{says}: {svg}");
    }
    assert_eq!(svg.matches("<g class=\"row\">").count(), 6, "{svg}");
}

#[test]
fn d8_a_life_is_written_as_a_page() {
    let page = written_as("life.html");
    assert!(page.starts_with("<!DOCTYPE html>\n"), "{page}");
    assert!(page.ends_with("</html>\n"), "{page}");
    for says in [
        "content=\"default-src 'none'; style-src 'sha256-",
        "<title>c (resource)\nstarted in ",
        "<pre id=\"path\">critical path of the startup, ",
        "<pre id=\"blame\">longest to start:\n",
    ] {
        assert!(page.contains(says), "{says}: {page}");
    }
}

#[test]
fn d8_a_life_is_written_as_text_with_its_critical_path() {
    unless_late(|| {
        let text = written_as("life.txt");
        let sections: Vec<&str> = text.split("\n\n").collect();
        let [table, path, blame] = sections[..] else {
            panic!("{text}");
        };
        assert!(
            table.contains("component  started in  stopped in  layer"),
            "{text}"
        );
        // All components of the chain, down and up again, the slow one among them.
        let (up, down) = path
            .split_once("critical path of the shutdown")
            .expect(path);
        assert_eq!(steps(up), "abcde", "{text}");
        assert!(steps(down).ends_with("edcba"), "{text}");
        let (start, stop) = blame.split_once("longest to stop").expect(blame);
        assert!(steps(start).starts_with('c'), "{text}");
        assert!(steps(stop).starts_with('c'), "{text}");
    });
}

#[test]
fn d8_the_critical_path_of_a_forced_end_goes_through_the_hooks() {
    unless_late(|| {
        let folder = Folder::new();
        let program = program!("chain").with("d.stop=block c.emergency=slow:40");
        let program = program.env("LIFECYCLE_REPORT", folder.path("life.txt"));
        let mut run = program.limits("20s", "5s").up();
        run.terminate();
        run.until("d.stop");
        run.another(Signal::TERM);
        run.end().expect_code(143);
        let text = read_to_string(folder.path("life.txt")).expect("a report");
        let (_, down) = text
            .split_once("critical path of the shutdown")
            .expect(&text);
        let (down, blame) = down.split_once("longest to stop").expect(&text);
        assert!(steps(down).contains("dcba"), "{text}");
        // Components whose hooks only had to wait are not on it.
        assert!(steps(blame).starts_with("dc"), "{text}");
    });
}

/// The names in an indented list, one letter each.
fn steps(of: &str) -> String {
    let lines = of.lines().filter(|line| line.starts_with("  "));
    lines
        .filter_map(|line| line.split_whitespace().nth(1))
        .collect()
}
