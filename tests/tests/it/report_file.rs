//! `LIFECYCLE_REPORT`: the timeline of a life in a file; wrong paths, and disks that cannot be written.

mod disks;
mod formats;

use std::collections::BTreeMap;
use std::fs::{read_dir, read_to_string, remove_dir_all, write};
use std::io::{Write as _, pipe};
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::time::Duration;

use lifecycle_tests::harness::canary::unless_late;
use lifecycle_tests::harness::{End, Program, Signal, folder};
use lifecycle_tests::{flavors, program};
use serde_json::{Map, Value};

use crate::schema::expect_valid;

/// A folder for one report.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(folder())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The program, which writes its report to `life.json` in this folder.
    fn asks(&self, program: Program) -> Program {
        program.env("LIFECYCLE_REPORT", self.path("life.json"))
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = read_dir(self.0.path())
            .expect("the folder")
            .map(|entry| entry.expect("an entry").file_name())
            .map(|name| name.to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    /// The report, which must be the only file in the folder, and conform to its schema.
    #[track_caller]
    fn life(&self) -> Life {
        assert_eq!(self.names(), ["life.json"]);
        let text = read_to_string(self.path("life.json")).expect("a report");
        let life: Value = serde_json::from_str(&text).expect("JSON");
        let schema = include_str!("../../../lifecycle/report.schema.json");
        expect_valid(&life, schema);
        let life = Life(life);
        life.expect_sound();
        life
    }
}

/// The contents of a report.
struct Life(Value);

impl Life {
    #[track_caller]
    fn components(&self) -> &Vec<Value> {
        self.0["components"].as_array().expect("components")
    }

    fn names(&self) -> Vec<&str> {
        self.components()
            .iter()
            .filter_map(|component| component["name"].as_str())
            .collect()
    }

    #[track_caller]
    fn component(&self, name: &str) -> &Map<String, Value> {
        self.components()
            .iter()
            .find(|component| component["name"] == name)
            .and_then(Value::as_object)
            .unwrap_or_else(|| panic!("no `{name}` in {:#}", self.0))
    }

    #[track_caller]
    fn spans(&self, name: &str) -> Vec<Span<'_>> {
        let spans = self.component(name)["spans"].as_array().expect("spans");
        spans.iter().map(Span::of).collect()
    }

    /// The activities of a component in one line: `waiting starting running`.
    #[track_caller]
    fn did(&self, name: &str) -> String {
        let spans = self.spans(name);
        spans
            .iter()
            .map(|span| span.activity)
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// The first span of a component with that activity.
    #[track_caller]
    fn span(&self, name: &str, activity: &str) -> Span<'_> {
        let found = self
            .spans(name)
            .into_iter()
            .find(|span| span.activity == activity);
        found.unwrap_or_else(|| panic!("`{name}` was never {activity}: {:#}", self.0))
    }

    fn marks(&self) -> BTreeMap<&str, Duration> {
        let marks = self.0["marks"].as_array().expect("marks");
        let mark = |mark: &'_ Value| micros(&mark["at_us"]);
        marks
            .iter()
            .map(|value| (value["mark"].as_str().expect("its name"), mark(value)))
            .collect()
    }

    #[track_caller]
    fn expect_layer(&self, name: &str, layer: &str) -> &Self {
        assert_eq!(self.component(name)["layer"], layer, "{name}: {:#}", self.0);
        self
    }

    /// Asserts what holds in every life: spans follow each other up to the end, and marks are in order.
    #[track_caller]
    fn expect_sound(&self) {
        let marks = self.0["marks"].as_array().expect("marks");
        let at = |mark: &Value| mark["at_us"].as_u64();
        assert!(marks.is_sorted_by_key(at), "{:#}", self.0);
        let marks = self.marks();
        let end = marks["end"];
        for name in self.names() {
            let spans = self.spans(name);
            assert!(!spans.is_empty(), "{name} in {:#}", self.0);
            for span in &spans {
                assert!(
                    span.begin <= span.end && span.end <= end,
                    "{name}: {spans:?}"
                );
            }
            for pair in spans.windows(2) {
                assert_eq!(pair[0].end, pair[1].begin, "{name}: {spans:?}");
            }
        }
    }
}

#[derive(Debug)]
struct Span<'a> {
    activity: &'a str,
    begin: Duration,
    end: Duration,
}

impl<'a> Span<'a> {
    fn of(value: &'a Value) -> Self {
        Self {
            activity: value["activity"].as_str().expect("an activity"),
            begin: micros(&value["begin_us"]),
            end: micros(&value["end_us"]),
        }
    }

    fn took(&self) -> Duration {
        self.end - self.begin
    }
}

fn micros(value: &Value) -> Duration {
    Duration::from_micros(value.as_u64().expect("microseconds"))
}

const UP_AND_DOWN: &str = "waiting starting running waiting_to_stop stopping";

#[test]
fn d8_the_report_of_a_graceful_stop_is_complete_and_in_order() {
    for flavor in flavors!("chain") {
        let folder = Folder::new();
        write(folder.path("life.json"), "of the life before").expect("a file");
        let end = folder.asks(flavor().with("main=asked,slow:50")).stop();
        end.expect_code(0);
        let life = folder.life();
        assert_eq!(life.0["app"], "Chain");
        assert_eq!(life.0["exit_code"], 0);
        assert_eq!(life.0["signal"], 15);
        assert_eq!(life.names(), ["main", "e", "d", "c", "b", "a"]);
        let marks: Vec<&str> = ["up", "cause", "drain", "stop", "end", "deadline"].into();
        assert_eq!(life.marks().len(), marks.len());
        assert!(marks.is_sorted_by_key(|mark| life.marks()[mark]), "{end}");
        assert_eq!(
            life.marks()["deadline"] - life.marks()["cause"],
            Duration::from_secs(10)
        );
        assert_eq!(life.did("main"), "running draining");
        assert!(life.span("main", "draining").took() >= Duration::from_millis(50));
        assert!(life.component("a")["start_after"].is_null(), "{end}");
        assert!(life.component("e")["stop_after"].is_null(), "{end}");
        for pair in ["a", "b", "c", "d", "e"].windows(2) {
            let (below, above) = (pair[0], pair[1]);
            for name in pair {
                assert_eq!(life.did(name), UP_AND_DOWN, "{name}");
                life.expect_layer(name, "safe");
            }
            assert_eq!(life.component(above)["start_after"], below);
            assert_eq!(life.component(below)["stop_after"], above);
            let up = life.span(below, "starting").end;
            assert!(up <= life.span(above, "starting").begin, "{end}");
            let down = life.span(above, "stopping").end;
            assert!(down <= life.span(below, "stopping").begin, "{end}");
        }
    }
}

#[test]
fn d8_the_report_shows_cancelled_components_and_emergency_hooks_with_their_times() {
    let folder = Folder::new();
    let program = program!("workers")
        .with("only=steady,periodic steady=hang periodic=ok owner.stop=error owner.emergency=slow:80 base.stop=slow:60")
        .env("LIFECYCLE_TIMEOUT_STEADY", "200ms");
    folder.asks(program).stop().expect_code(3);
    let life = folder.life();
    let mut names = life.names();
    names.sort_unstable();
    assert_eq!(names, ["base", "main", "owner", "periodic", "steady"]);

    life.expect_layer("steady", "timeout");
    assert_eq!(life.did("steady"), "waiting starting running draining");
    let cancelled = life.span("steady", "draining");
    assert!(
        cancelled.took() >= Duration::from_millis(200),
        "{cancelled:?}"
    );
    let errors = life.component("steady")["errors"].to_string();
    assert!(errors.contains("did not end within "), "{errors}");

    // Its runs do not count as attempts to start.
    life.expect_layer("periodic", "safe");
    let did = life.did("periodic");
    assert!(
        matches!(&*did, "waiting running" | "waiting running draining"),
        "{did}"
    );

    life.expect_layer("owner", "emergency");
    let did = life.did("owner");
    let did = did.replace(" waiting_for_emergency", "");
    assert_eq!(did, format!("{UP_AND_DOWN} emergency dropping"));
    let hook = life.span("owner", "emergency");
    assert!(hook.took() >= Duration::from_millis(80), "{hook:?}");

    life.expect_layer("base", "safe");
    let stop = life.span("base", "stopping");
    assert!(
        stop.begin >= hook.end && stop.took() >= Duration::from_millis(60),
        "{stop:?}"
    );
    assert_eq!(life.component("base")["unclean"], false);
}

#[test]
fn d8_a_cancelled_stop_ends_at_its_timeout() {
    let folder = Folder::new();
    let program = program!("chain")
        .with("c.stop=hang")
        .env("LIFECYCLE_TIMEOUT_C", "150ms");
    folder.asks(program).stop().expect_code(3);
    let life = folder.life();
    life.expect_layer("c", "emergency")
        .expect_layer("b", "safe");
    let cancelled = life.span("c", "stopping");
    assert!(
        cancelled.took() >= Duration::from_millis(150),
        "{cancelled:?}"
    );
    assert!(life.span("c", "emergency").begin >= cancelled.end);
    let waited = life.span("b", "waiting_to_stop");
    assert!(waited.took() >= Duration::from_millis(150), "{waited:?}");
}

#[test]
fn d8_a_leak_names_the_line_that_acquired_it() {
    unless_late(|| {
        let folder = Folder::new();
        let mut run = folder
            .asks(program!("leases").with("main.first=keep"))
            .start();
        run.until("all is lent");
        run.terminate();
        let end = run.end();
        end.expect_code(3);
        let life = folder.life();
        let leases = &life.component("pool")["leases"];
        assert_eq!(
            (&leases["before"], &leases["leaked"]),
            (&1.into(), &1.into())
        );
        let (file, line) = (&leases["oldest"][0]["file"], &leases["oldest"][0]["line"]);
        let place = format!("lent at {}:{line}", file.as_str().expect("a file"));
        end.expect_once(&place);
    });
}

#[test]
fn d8_failed_attempts_differ_from_components_that_never_started() {
    let folder = Folder::new();
    let program = program!("retries").with("failures=9 base.start=slow:20");
    folder.asks(program).run().expect_code(1);
    let life = folder.life();
    assert_eq!(life.0["ran"], false);
    assert!(
        life.0["root_error"]
            .to_string()
            .contains("`flaky` did not start")
    );
    assert!(!life.marks().contains_key("up"));
    assert_eq!(life.did("base"), UP_AND_DOWN);
    let attempts = ["starting"; 4].join(" backoff ");
    assert_eq!(life.did("flaky"), format!("waiting {attempts}"));
    assert!(life.component("flaky")["layer"].is_null());
    let last = life.component("flaky")["spans"]
        .as_array()
        .and_then(|spans| spans.last());
    assert_eq!(last.expect("a span")["attempt"], 4);

    let folder = Folder::new();
    let program = program!("chain").with("b.start=error");
    folder.asks(program).run().expect_code(1);
    let life = folder.life();
    for name in ["c", "d", "e"] {
        assert_eq!(life.did(name), "waiting");
        assert_eq!(life.span(name, "waiting").end, life.marks()["cause"]);
        assert!(life.component(name)["layer"].is_null());
    }
}

#[test]
fn d8_a_forced_end_is_reported() {
    unless_late(|| {
        let folder = Folder::new();
        let program = program!("chain").with("d.stop=block c.emergency=slow:40");
        let mut run = folder.asks(program).limits("20s", "5s").up();
        run.terminate();
        run.until("d.stop");
        run.another(Signal::TERM);
        let end = run.end();
        end.expect_code(143)
            .expect_gone(end.at("a.emergency"), Duration::from_millis(250));
        let life = folder.life();
        assert_eq!(life.0["forced_by"], 15);
        assert!(life.marks()["forced"] <= life.marks()["emergency"]);
        life.expect_layer("e", "safe");
        assert_eq!(life.did("e"), UP_AND_DOWN);
        for name in ["d", "c", "b", "a"] {
            life.expect_layer(name, "emergency");
            assert!(life.did(name).ends_with(" emergency"), "{}", life.did(name));
        }
        // One stop after the other: the time in which a component waited is not part of its stop.
        let hook = life.span("c", "emergency");
        assert!(hook.took() >= Duration::from_millis(40), "{hook:?}");
        assert!(life.span("b", "emergency").begin >= hook.end);
    });
}

#[test]
fn d8_an_exceeded_deadline_is_reported() {
    unless_late(|| {
        let folder = Folder::new();
        // All the time that there is.
        let program = program!("chain_current_thread")
            .with("e.stop=block d.emergency=hang")
            .env("LIFECYCLE_TIMEOUT_E", "1m")
            .limits("2s", "1s");
        let mut run = folder.asks(program).up();
        let asked = run.terminate();
        let end = run.end();
        end.expect_code(3)
            .expect_gone(asked, Duration::from_secs(2));
        let life = folder.life();
        assert_eq!(life.0["forced_by"], Value::Null);
        let marks = life.marks();
        // The time counts from the handler of the signal, and the driver notices the signal a moment later.
        end.expect_after(asked, "e.emergency", 1000..1500);
        assert!(marks["emergency"] > marks["cause"], "{end}");
        assert!(marks["end"] <= marks["deadline"], "{end}");
        for name in ["e", "d", "c", "b", "a"] {
            life.expect_layer(name, "emergency");
            assert!(life.did(name).ends_with(" emergency"), "{}", life.did(name));
        }
        assert_eq!(life.did("a").matches("stopping").count(), 0);
        // Given up after its share.
        let hung = life.span("d", "emergency");
        let share = Duration::from_millis(50);
        assert!(hung.took() >= share, "{hung:?}");
        let next = life.span("c", "emergency");
        assert!(next.begin >= hung.begin + share, "{hung:?} {next:?}");
    });
}

#[test]
fn d8_an_invalid_path_exits_with_2_before_any_start() {
    let folder = Folder::new();
    let kept = folder.path("kept.json");
    write(&kept, "kept").expect("a file");
    symlink(&kept, folder.path("link.json")).expect("a link");
    symlink(folder.path("nothing"), folder.path("dangling.json")).expect("a link");
    std::fs::create_dir(folder.path("folder.json")).expect("a folder");
    let before = folder.names();
    for (path, why) in [
        ("link.json", "symbolic link"),
        ("dangling.json", "symbolic link"),
        ("folder.json", "is a directory"),
        ("missing/life.json", "No such file or directory"),
        ("kept.json/life.json", "folder cannot be used"),
        ("life.pdf", "`.pdf` is not a report format"),
        ("life", "names no format"),
        ("..", "does not name a file"),
    ] {
        let path = folder.path(path);
        let end = program!("chain").env("LIFECYCLE_REPORT", &path).run();
        end.expect_code(2)
            .expect_line(&[
                "error: LIFECYCLE_REPORT=",
                &path.to_string_lossy(),
                "is invalid",
                why,
                "expected a path that ends in `.svg`, `.html`, `.txt` or `.json`",
            ])
            .expect_names("start", "")
            .expect_none("main");
        assert_eq!(folder.names(), before, "{end}");
    }
    let end = program!("chain").env("LIFECYCLE_REPORT", "/dev/full").run();
    end.expect_code(2)
        .expect_line(&["/dev/full", "not a regular file"]);
    assert_eq!(read_to_string(kept).expect("the file"), "kept");
}

#[test]
fn d8_without_the_variable_no_report_is_written() {
    unless_late(|| {
        let folder = Folder::new();
        let script = format!("cd {} && exec \"$@\"", folder.0.path().display());
        let program = program!("chain").through(&script).with("main=ok");
        let end = program.env("LIFECYCLE_REPORT", "").run();
        end.expect_code(0);
        assert_eq!((folder.names().len(), &*end.stderr), (0, ""));
    });
}

#[test]
fn d8_a_relative_path_is_relative_to_the_initial_directory() {
    let folder = Folder::new();
    let script = format!("cd {} && exec \"$@\"", folder.0.path().display());
    let program = program!("chain").through(&script).with("main=ok");
    program
        .env("LIFECYCLE_REPORT", "life.json")
        .run()
        .expect_code(0);
    assert_eq!(folder.life().0["reason"], "main returned");
}
