//! Parses `LIFECYCLE_DRILL`, against the hooks that the app has. All mistakes are reported at once.

use super::script::{Fault, Planned, Point, Script, Stage, Target};
use crate::base::duration;
use crate::base::names::{nearest, upper_snake};
use crate::error::escape::escape;

const POINTS: [(&str, Point); 5] = [
    ("start", Point::Start),
    ("stop", Point::Stop),
    ("emergency", Point::Emergency),
    ("reload", Point::Reload),
    ("run", Point::Run),
];

const FAULTS: [(&str, Fault); 4] = [
    ("error", Fault::Error),
    ("panic", Fault::Panic),
    ("hang", Fault::Hang),
    ("block", Fault::Block),
];
const SLOW: &str = "slow";

const STAGES: [(&str, Stage); 4] = [
    ("starting", Stage::Starting),
    ("running", Stage::Running),
    ("draining", Stage::Draining),
    ("stopping", Stage::Stopping),
];

const TIMES: [(&str, usize); 3] = [("once", 1), ("twice", 2), ("thrice", 3)];

const STOP: &str = "stop";
const SIGNAL: &str = "signal";
const DIRECTIVES: &str =
    "`stop`, `signal=twice`, `signal@draining=once` and `<component>.<hook>=<fault>`";

impl Point {
    pub(super) fn as_str(self) -> &'static str {
        let name = POINTS.iter().find(|(_, point)| *point == self);
        name.map_or("", |(name, _)| name)
    }
}

/// Parses the script, or returns a message for each directive that is wrong.
pub(super) fn read(text: &str, targets: &[Target<'_>]) -> Result<Script, Vec<String>> {
    let mut script = Script::default();
    let mut wrong = Vec::new();
    for directive in text.split(',').map(str::trim) {
        if let Err(why) = script.take(directive, targets) {
            wrong.push(format!(
                "LIFECYCLE_DRILL: `{}`: {}",
                escape(directive),
                escape(&why)
            ));
        }
    }
    if wrong.is_empty() {
        Ok(script)
    } else {
        Err(wrong)
    }
}

impl Script {
    fn take(&mut self, directive: &str, targets: &[Target<'_>]) -> Result<(), String> {
        if directive.is_empty() {
            return Err(format!("the directive is empty; expected {DIRECTIVES}"));
        }
        // Without effect: every drill stops the app.
        if directive == STOP {
            return Ok(());
        }
        let Some((what, how)) = directive.split_once('=') else {
            return Err(format!(
                "this is not a directive{}; expected {DIRECTIVES}",
                hint(directive, [STOP, SIGNAL])
            ));
        };
        let (what, how) = (what.trim(), how.trim());
        match what.rsplit_once('.') {
            Some((component, hook)) => self.fault(component.trim(), hook.trim(), how, targets),
            None => self.signal(what, how),
        }
    }

    fn signal(&mut self, what: &str, how: &str) -> Result<(), String> {
        let (signal, stage) = what.split_once('@').unwrap_or((what, "running"));
        if signal.trim() != SIGNAL {
            return Err(format!(
                "`{what}` is not a directive{}; expected {DIRECTIVES}",
                hint(signal, [STOP, SIGNAL])
            ));
        }
        let (name, stage) = known(stage.trim(), "phase", &STAGES)?;
        let (_, times) = known(how, "number of signals", &TIMES)?;
        let signals = &mut self.signals[*stage as usize];
        if *signals > 0 {
            return Err(format!("the signals while {name} are given twice"));
        }
        *signals = *times;
        self.signals_text.push(format!("{SIGNAL}@{name}={how}"));
        Ok(())
    }

    fn fault(
        &mut self,
        component: &str,
        hook: &str,
        how: &str,
        targets: &[Target<'_>],
    ) -> Result<(), String> {
        let target = find(component, targets)?;
        let Target { name, points } = &targets[target];
        let (hook, point) = known(hook, "hook that the drill reaches", &POINTS)?;
        if !points.contains(point) {
            let has = points.iter().map(|point| point.as_str());
            return Err(format!(
                "`{name}` has no `{hook}`; the drill reaches {}",
                listed(has)
            ));
        }
        let fault = fault(how)?;
        if (*point, fault) == (Point::Emergency, Fault::Error) {
            return Err(format!(
                "an emergency hook returns no error; expected one of {}",
                listed(faults().filter(|fault| *fault != "error"))
            ));
        }
        if self
            .faults
            .iter()
            .any(|other| (other.target, other.point) == (target, *point))
        {
            return Err(format!("the `{hook}` of `{name}` is given twice"));
        }
        self.faults.push(Planned {
            target,
            point: *point,
            fault,
            text: format!("{name}.{hook}={how}"),
        });
        Ok(())
    }
}

/// Finds a target by its name as in logs, or by its name as in environment variables: `http_listener` is also
/// `HttpListener`.
fn find(wanted: &str, targets: &[Target<'_>]) -> Result<usize, String> {
    if let Some(exact) = targets.iter().position(|target| target.name == wanted) {
        return Ok(exact);
    }
    let upper = upper_snake(wanted);
    let uppers: Vec<String> = targets
        .iter()
        .map(|target| upper_snake(target.name))
        .collect();
    let index = |name: &str| uppers.iter().position(|other| other == name);
    let alike: Vec<&str> = (targets.iter().zip(&uppers))
        .filter(|(_, other)| **other == upper)
        .map(|(target, _)| target.name)
        .collect();
    match (&alike[..], index(&upper)) {
        ([_], Some(index)) => Ok(index),
        ([_, _, ..], _) => Err(format!("`{wanted}` is ambiguous between {}", listed(alike))),
        _ => {
            let near = nearest(&upper, uppers.iter().map(String::as_str)).and_then(index);
            Err(match near {
                Some(near) => format!(
                    "no component is named `{wanted}`: did you mean `{}`?",
                    targets[near].name
                ),
                None => format!(
                    "no component is named `{wanted}`; the components are {}",
                    listed(targets.iter().map(|target| target.name))
                ),
            })
        }
    }
}

fn fault(how: &str) -> Result<Fault, String> {
    let (word, time) = how.split_once(char::is_whitespace).unwrap_or((how, ""));
    if word == SLOW {
        return match duration::parse(time) {
            _ if time.is_empty() => Err("`slow` needs a duration, such as `slow 3s`".to_owned()),
            Ok(time) => Ok(Fault::Slow(time)),
            Err(why) => Err(format!(
                "`{}` is not a duration: {why}; expected {}",
                time.trim(),
                duration::EXPECTED
            )),
        };
    }
    let known = FAULTS.iter().find(|(name, _)| *name == how);
    known.map(|(_, fault)| *fault).ok_or_else(|| {
        format!(
            "`{how}` is not a fault{}; expected one of {}",
            hint(word, FAULTS.map(|(name, _)| name).into_iter().chain([SLOW])),
            listed(faults())
        )
    })
}

fn faults() -> impl Iterator<Item = &'static str> {
    FAULTS.into_iter().map(|(name, _)| name).chain(["slow 3s"])
}

/// Finds the word in the table, or lists the words of the table.
fn known<'a, T>(
    word: &str,
    what: &str,
    table: &'a [(&'static str, T)],
) -> Result<&'a (&'static str, T), String> {
    let names = || table.iter().map(|(name, _)| *name);
    table.iter().find(|(name, _)| *name == word).ok_or_else(|| {
        format!(
            "`{word}` is not a {what}{}; expected one of {}",
            hint(word, names()),
            listed(names())
        )
    })
}

fn hint<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    nearest(word, names).map_or_else(String::new, |near| format!(": did you mean `{near}`?"))
}

/// `a`, `b` and `c`.
fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    match &names[..] {
        [] => "nothing".to_owned(),
        [name] => name.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn targets() -> Vec<Target<'static>> {
        use Point::{Emergency, Reload, Run, Start, Stop};
        [
            ("Database", vec![Start, Stop, Emergency]),
            ("Cache", vec![Start, Stop, Reload]),
            ("Config", vec![Start]),
            ("http::run", vec![Run]),
            ("grpc::run", vec![Run]),
            ("pool", vec![Start]),
            ("Pool", vec![Start]),
            ("main", vec![Run]),
        ]
        .map(|(name, points)| Target { name, points })
        .into()
    }

    fn script(text: &str) -> Script {
        match read(text, &targets()) {
            Ok(script) => script,
            Err(wrong) => panic!("{text}: {wrong:?}"),
        }
    }

    #[track_caller]
    fn expect_refused(text: &str, parts: &[&str]) {
        let wrong = read(text, &targets()).expect_err(text);
        assert_eq!(wrong.len(), 1, "{wrong:?}");
        for part in parts {
            assert!(wrong[0].contains(part), "no {part:?} in: {}", wrong[0]);
        }
    }

    #[test]
    fn stop_is_a_script_without_faults_and_signals() {
        assert_eq!(script("stop"), Script::default());
        assert_eq!(script(" stop "), Script::default());
    }

    #[test]
    fn names_are_read_in_the_style_of_variables() {
        let read = script("database.stop=hang, cache.stop=panic, signal=twice");
        let faults: Vec<_> = read
            .faults
            .iter()
            .map(|planned| (planned.target, planned.point, planned.fault, &*planned.text))
            .collect();
        assert_eq!(
            faults,
            [
                (0, Point::Stop, Fault::Hang, "Database.stop=hang"),
                (1, Point::Stop, Fault::Panic, "Cache.stop=panic"),
            ]
        );
        assert_eq!(read.signals, [0, 2, 0, 0]);
        assert_eq!(read.signals_text, ["signal@running=twice"]);
    }

    #[test]
    fn every_hook_fault_and_phase_is_parsed() {
        let read = script(
            "Database.start=error,Database.stop=slow 3s,Database.emergency=block,Cache.reload=slow 1m 30s,\
             http::run.run=panic,main.run=hang,signal@starting=once,signal@draining=twice,signal@stopping=thrice",
        );
        let faults: Vec<_> = read
            .faults
            .iter()
            .map(|planned| (planned.point, planned.fault))
            .collect();
        assert_eq!(
            faults,
            [
                (Point::Start, Fault::Error),
                (Point::Stop, Fault::Slow(Duration::from_secs(3))),
                (Point::Emergency, Fault::Block),
                (Point::Reload, Fault::Slow(Duration::from_secs(90))),
                (Point::Run, Fault::Panic),
                (Point::Run, Fault::Hang),
            ]
        );
        assert_eq!(read.signals, [1, 0, 2, 3]);
    }

    #[test]
    fn each_mistake_is_reported_with_the_expected_words_and_the_nearest() {
        expect_refused(
            "databse.stop=hang",
            &["`databse.stop=hang`", "did you mean `Database`"],
        );
        expect_refused(
            "mailer.stop=hang",
            &["`mailer`", "`Database`", "`http::run`", "`main`"],
        );
        expect_refused(
            "Database.stpo=hang",
            &["`stpo`", "did you mean `stop`", "`emergency`", "`run`"],
        );
        expect_refused(
            "Config.stop=hang",
            &["`Config` has no `stop`", "reaches `start`"],
        );
        expect_refused(
            "Database.stop=hnag",
            &["`hnag`", "did you mean `hang`", "`block` and `slow 3s`"],
        );
        expect_refused("Database.stop=slow", &["needs a duration", "`slow 3s`"]);
        expect_refused(
            "Database.stop=slow banana",
            &["`banana` is not a duration", "`5s`"],
        );
        expect_refused("Database.stop=hang on", &["`hang on` is not a fault"]);
        expect_refused(
            "Database.emergency=error",
            &["returns no error", "`panic`, `hang`"],
        );
        expect_refused("signal=often", &["`often`", "`once`, `twice` and `thrice`"]);
        expect_refused(
            "signal@drainig=once",
            &["`drainig`", "did you mean `draining`", "`stopping`"],
        );
        expect_refused(
            "sginal=once",
            &["`sginal`", "did you mean `signal`", "`stop`"],
        );
        expect_refused("stpo", &["did you mean `stop`"]);
        expect_refused("stop,", &["``: the directive is empty"]);
        expect_refused(
            "POOL.start=hang",
            &["`POOL` is ambiguous between `pool` and `Pool`"],
        );
        expect_refused(
            "Database.stop=hang, database.stop=error",
            &["`stop` of `Database` is given twice"],
        );
        expect_refused(
            "signal=once, signal@running=once",
            &["while running", "twice"],
        );
        expect_refused("Data\u{1b}base.stop=hang", &["Data\\u{1b}base"]);
    }

    #[test]
    fn all_mistakes_are_reported_at_once() {
        let wrong = read("stpo, Database.stop=hang, cahce.stop=error", &targets());
        assert_eq!(wrong.map_err(|wrong| wrong.len()), Err(2));
    }

    #[test]
    fn any_text_is_parsed_or_refused_with_a_message_for_each_directive() {
        const PIECES: [&str; 22] = [
            "stop",
            "signal",
            "signal@draining",
            "Database",
            "http::run",
            "main",
            ".stop",
            ".run",
            ".",
            "=",
            "=",
            "@",
            ",",
            ", ",
            " ",
            "hang",
            "twice",
            "slow",
            "3s",
            "\u{0}",
            "ß",
            "=slow 1e99",
        ];
        let targets = targets();
        let mut random = fastrand::Rng::with_seed(7);
        let (mut good, mut bad) = (0, 0);
        for _ in 0..20_000 {
            let pieces = random.usize(0..8);
            let text: String = (0..pieces)
                .map(|_| PIECES[random.usize(..PIECES.len())])
                .collect();
            match read(&text, &targets) {
                Ok(script) => {
                    good += 1;
                    // The texts of a script parse to the same script.
                    let said: Vec<&str> = script
                        .faults
                        .iter()
                        .map(|planned| &*planned.text)
                        .chain(script.signals_text.iter().map(String::as_str))
                        .collect();
                    if !said.is_empty() {
                        assert_eq!(read(&said.join(","), &targets), Ok(script), "{text:?}");
                    }
                }
                Err(wrong) => {
                    bad += 1;
                    assert!(
                        wrong.len() <= text.split(',').count(),
                        "{text:?}: {wrong:?}"
                    );
                    assert!(wrong.iter().all(|why| !why.contains('\u{0}')), "{wrong:?}");
                }
            }
        }
        assert!(good > 20 && bad > 10_000, "{good} good, {bad} bad");
    }
}
