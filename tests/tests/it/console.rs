//! What a terminal shows. The files in `console` hold screens; `UPDATE_EXPECT=1` updates them.

use std::time::Duration;

use expect_test::{ExpectFile, expect_file};
use lifecycle_tests::harness::canary::unless_late;
use lifecycle_tests::harness::terminal::{CTRL_C, CTRL_Z, Terminal};
use lifecycle_tests::harness::{End, Program, Run};
use lifecycle_tests::program;

const LEADER: &str = env!("CARGO_BIN_EXE_on_terminal");
const ROWS: u16 = 40;

/// A program at a terminal of that width.
fn at(columns: u16, program: Program) -> (Terminal, Run) {
    in_a_shell(columns, program, "\"$@\"")
}

/// The same, started by a shell that runs the script.
fn in_a_shell(columns: u16, program: Program, script: &str) -> (Terminal, Run) {
    let terminal = Terminal::new(ROWS, columns);
    let run = terminal.with_shell(LEADER, program, script).start();
    (terminal, run)
}

/// The screen with `~` in place of times, and `*` in place of signs of life, which differ from run to run.
fn steady(screen: &str) -> String {
    let mut steady = String::new();
    for line in screen.lines() {
        let mut rest = line.trim_end();
        while let Some(character) = rest.chars().next() {
            let time = time_at(rest).filter(|_| !steady.ends_with(char::is_alphanumeric));
            if let Some(length) = time {
                // Columns shift with the length of a time.
                let kept = steady.trim_end_matches(' ').len();
                steady.truncate(kept);
                steady.push_str(" ~");
                rest = &rest[length..];
            } else {
                let is_frame = ('\u{2800}'..='\u{28ff}').contains(&character);
                steady.push(if is_frame { '*' } else { character });
                rest = &rest[character.len_utf8()..];
            }
        }
        steady.push('\n');
    }
    steady
}

/// The length of a time at the beginning of the text: `3ms`, `1.2s`, `1m`.
fn time_at(text: &str) -> Option<usize> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let unit = &text[digits..];
    let length = unit
        .find(|c: char| !c.is_alphabetic())
        .unwrap_or(unit.len());
    let is_time = digits > 0 && matches!(&unit[..length], "ms" | "s" | "m");
    is_time.then_some(digits + length)
}

#[track_caller]
fn expect(file: &ExpectFile, screen: &str) {
    file.assert_eq(&steady(screen));
}

/// At 80 and at 40 columns.
fn both(wide: ExpectFile, narrow: ExpectFile) -> [(u16, ExpectFile); 2] {
    [(80, wide), (40, narrow)]
}

fn end(terminal: &mut Terminal, run: Run, code: i32) -> (End, String) {
    let screen = terminal.last();
    let end = run.end();
    end.expect_code(code);
    (end, screen)
}

#[test]
fn a_normal_stop() {
    for (columns, file) in both(
        expect_file!["console/normal_80.txt"],
        expect_file!["console/normal_40.txt"],
    ) {
        unless_late(|| {
            let (mut terminal, run) = at(columns, program!("chain"));
            let _ = terminal.until(&["running"]);
            terminal.types(CTRL_C);
            expect(&file, &end(&mut terminal, run, 0).1);
        });
    }
}

#[test]
fn a_slow_component() {
    for (columns, starting) in both(
        expect_file!["console/starting_80.txt"],
        expect_file!["console/starting_40.txt"],
    ) {
        let (mut terminal, run) = at(columns, program!("chain").with("b.start=hang"));
        expect(&starting, &terminal.until(&["starting b", "of 5 up"]));
        terminal.types(CTRL_C);
        drop(end(&mut terminal, run, 0));
    }
    for (columns, stopping) in both(
        expect_file!["console/stopping_80.txt"],
        expect_file!["console/stopping_40.txt"],
    ) {
        let slow = program!("chain").with("c.stop=slow:1000");
        let (mut terminal, run) = at(columns, slow);
        let _ = terminal.until(&["running"]);
        terminal.types(CTRL_C);
        expect(&stopping, &terminal.until(&["stopping c", "of 5 stopped"]));
        drop(end(&mut terminal, run, 0));
    }
}

#[test]
fn a_forced_stop() {
    for (columns, file) in both(
        expect_file!["console/forced_80.txt"],
        expect_file!["console/forced_40.txt"],
    ) {
        unless_late(|| {
            let (mut terminal, run) = at(columns, program!("chain").with("c.stop=hang"));
            let _ = terminal.until(&["running"]);
            terminal.types(CTRL_C);
            // A second signal within 300 ms would count as the first.
            let _ = terminal.until(&["stopping c 1s", "of 5 stopped"]);
            terminal.types(CTRL_C);
            expect(&file, &end(&mut terminal, run, 130).1);
        });
    }
}

#[test]
fn a_failed_start() {
    for (columns, file) in both(
        expect_file!["console/failed_80.txt"],
        expect_file!["console/failed_40.txt"],
    ) {
        unless_late(|| {
            let (mut terminal, run) = at(columns, program!("chain").with("c.start=error"));
            expect(&file, &end(&mut terminal, run, 1).1);
        });
    }
}

#[test]
fn a_drain_with_work_in_flight() {
    for (columns, file) in both(
        expect_file!["console/draining_80.txt"],
        expect_file!["console/draining_40.txt"],
    ) {
        unless_late(|| {
            let slow = program!("probed").with("main.after=slow:1000 poll=asked");
            let (mut terminal, mut run) = at(columns, slow);
            run.until("main");
            let _ = terminal.until(&["running"]);
            terminal.types(CTRL_C);
            expect(&file, &terminal.until(&["poll stopped", "draining "]));
            drop(end(&mut terminal, run, 0));
        });
    }
}

#[test]
fn output_of_the_app_stays_on_the_screen() {
    // Also in the middle of a line.
    let chain =
        program!("chain").with("b.start=slow:300,say:loading..,slow:1000,say:done c.start=hang");
    let (mut terminal, run) = at(80, chain);
    let screen = terminal.until(&["starting c", "of 5 up"]);
    expect(&expect_file!["console/printed.txt"], &screen);
    terminal.types(CTRL_C);
    drop(end(&mut terminal, run, 0));
}

#[test]
fn colors_follow_the_environment() {
    for (variable, green) in [("UNRELATED", true), ("NO_COLOR", false)] {
        let (mut terminal, run) = at(80, program!("chain").with("main=ok").env(variable, "1"));
        let (_, screen) = end(&mut terminal, run, 0);
        assert!(screen.contains("✓ a started"), "{screen}");
        let formatted = terminal.formatted();
        assert_eq!(formatted.contains("\x1b[32m✓"), green, "{formatted:?}");
    }
}

#[test]
fn a_line_that_no_longer_fits_is_truncated() {
    let (mut terminal, run) = at(80, program!("chain").with("b.start=hang"));
    let whole = terminal.until(&["Ctrl+C stops"]);
    assert!(!whole.contains('…'), "{whole}");
    terminal.resize(ROWS, 30);
    let screen = terminal.until(&["of 5 up", "…"]);
    assert_eq!(screen.matches("starting b").count(), 1, "{screen}");
    terminal.types(CTRL_C);
    drop(end(&mut terminal, run, 0));
}

#[test]
fn after_ctrl_z_the_status_is_drawn_below_the_output_of_the_shell() {
    let chain = program!("chain").with("b.start=hang");
    // Resizing has cleared the drawn lines: lines that appear now were drawn after the program continued.
    let script = "set -m; \"$@\"; printf '\\033[Jstopped\\n'; fg";
    let (mut terminal, run) = in_a_shell(80, chain, script);
    let _ = terminal.until(&["starting b", "of 5 up"]);
    terminal.types(CTRL_Z);
    let screen = terminal.wait("it below what the shell said", |screen| {
        let said = screen.find("stopped");
        said.is_some_and(|at| screen[at..].contains("starting b"))
    });
    assert_eq!(screen.matches("starting b").count(), 1, "{screen}");
    assert_eq!(screen.matches("a started").count(), 1, "{screen}");
    terminal.types(CTRL_C);
    drop(end(&mut terminal, run, 0));
}

#[test]
fn b13_the_deadline_passes_while_ctrl_z_stops_the_process() {
    unless_late(|| {
        // Enough time for Ctrl+Z; the share of the stop would be a third of it.
        let chain = program!("chain").with("c.stop=hang").limits("1500ms", "1s");
        let chain = chain.env("LIFECYCLE_TIMEOUT_C", "450ms");
        let (mut terminal, mut run) = in_a_shell(80, chain, "set -m; \"$@\"; sleep 3; fg");
        let _ = terminal.until(&["running"]);
        terminal.types(CTRL_C);
        run.until("c.stop");
        terminal.types(CTRL_Z);
        let (end, screen) = end(&mut terminal, run, 3);
        end.expect_names("emergency ok", "c b a");
        assert!(
            screen.contains("the time is over: emergency hooks only"),
            "{screen}"
        );
        assert!(screen.contains("stopped with exit code 3"), "{screen}");
    });
}

/// With `stty tostop` the kernel stops background processes that write to the terminal.
#[test]
fn b11_a_terminal_that_forbids_background_output_delays_nothing() {
    let script = "stty tostop </dev/tty; set -m; \"$@\" & wait $!";
    let (mut terminal, mut run) = in_a_shell(80, program!("chain"), script);
    let screen = terminal.until(&["running"]);
    assert!(screen.contains("✓ e started"), "{screen}");
    run.follow();
    run.terminate();
    let (_, screen) = end(&mut terminal, run, 0);
    assert!(screen.contains("`Chain` stopped cleanly"), "{screen}");
}

/// After Ctrl+S, writes to the terminal block.
#[test]
fn b11_a_terminal_stopped_by_ctrl_s_delays_nothing_for_long() {
    let mut terminal = Terminal::new(ROWS, 80);
    let mut run = terminal.alone(LEADER, program!("chain")).start();
    let _ = terminal.until(&["running"]);
    terminal.types("\x13");
    let asked = run.terminate();
    run.end()
        .expect_code(0)
        .expect_gone(asked, Duration::from_secs(2));
}

#[test]
fn output_that_is_not_a_terminal_gets_plain_lines() {
    let chain = program!("chain").with("main=ok c.stop=slow:300");
    let end = chain.env("LIFECYCLE_CONSOLE", "on").run();
    end.expect_code(0);
    end.expect_line(&["✓ c stopped in"]);
    end.expect_line(&["`Chain` stopped cleanly"]);
    assert!(!end.stderr.contains(['\r', '\x1b']), "{:?}", end.stderr);
}
