//! The environment variables that configure an app: read once, at the start.

pub(crate) mod admin_address;
pub(crate) mod print_format;
pub(crate) mod report_path;

use std::ffi::{OsStr, OsString};
use std::net::SocketAddr;
use std::time::Duration;

use crate::api::settings::Settings;
use crate::base::duration;
use crate::base::names::nearest;
use crate::plan::environment::print_format::PrintFormat;
use crate::plan::environment::report_path::ReportPath;

const PREFIX: &str = "LIFECYCLE_";
const TIMEOUT: &str = "TIMEOUT_";
const START_TIMEOUT: &str = "START_TIMEOUT_";

type Set = fn(Settings, Duration) -> Settings;

const SETTINGS: [(&str, Set); 6] = [
    ("SHUTDOWN_TIMEOUT", Settings::shutdown_timeout),
    ("DRAIN_TIMEOUT", Settings::drain_timeout),
    ("LAME_DUCK", Settings::lame_duck),
    ("EMERGENCY_TIMEOUT", Settings::emergency_timeout),
    ("START_TIMEOUT", Settings::start_timeout),
    ("STARTUP_TIMEOUT", Settings::startup_timeout),
];

/// The variables that do not set a duration.
const OTHERS: [&str; 6] = ["ADMIN", "CONSOLE", "DRILL", "PRINT", "REPORT", "STRICT"];

/// Whether live lines are drawn on the terminal: `LIFECYCLE_CONSOLE`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Console {
    #[default]
    Auto,
    On,
    Off,
}

/// The configuration by environment variables, and the messages about them.
#[derive(Debug, Default)]
pub(crate) struct Environment {
    pub(crate) settings: Settings,
    /// The `timeout` of components, by their names in upper snake case.
    pub(crate) timeouts: Vec<(String, Duration)>,
    /// The `start_timeout` of components, likewise.
    pub(crate) start_timeouts: Vec<(String, Duration)>,
    /// The variables that set durations, by their full names.
    pub(crate) given: Vec<(String, Duration)>,
    pub(crate) console: Console,
    /// The address of probes and metrics.
    pub(crate) admin: Option<SocketAddr>,
    pub(crate) report: Option<ReportPath>,
    /// If present, the plan is printed and nothing is started.
    pub(crate) print: Option<PrintFormat>,
    /// Whether warnings of the plan are errors.
    pub(crate) strict: bool,
    /// The directives of the drill.
    pub(crate) drill: Option<String>,
    pub(crate) errors: Vec<String>,
    pub(crate) warnings: Vec<String>,
}

/// Returns the names of the variables of this process that configure the framework: those that begin with `LIFECYCLE_`.
///
/// A child process inherits them. If it is built with this framework, too, it listens on the same admin address, writes
/// the same report and rehearses the same drill, unless they are removed. The names fit the `env_remove` of both
/// [`std::process::Command`] and `tokio::process::Command`.
///
/// # Examples
///
/// ```
/// use std::process::Command;
///
/// let mut command = Command::new("./importer");
/// for name in lifecycle::variables() {
///     command.env_remove(name);
/// }
/// command.env("LIFECYCLE_SHUTDOWN_TIMEOUT", "5s");
/// ```
pub fn variables() -> impl Iterator<Item = OsString> {
    std::env::vars_os()
        .map(|(name, _)| name)
        .filter(|name| name.as_encoded_bytes().starts_with(PREFIX.as_bytes()))
}

impl Environment {
    pub(crate) fn read() -> Self {
        Self::of(std::env::vars_os())
    }

    fn of(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let mut environment = Self::default();
        let mut variables: Vec<_> = variables
            .into_iter()
            .filter_map(|(name, value)| {
                // A name that is not UTF-8 matches no variable. It is kept, so that it gets a warning.
                let name = name.to_string_lossy();
                Some((name.strip_prefix(PREFIX)?.to_owned(), value))
            })
            .collect();
        variables.sort();
        for (name, value) in variables {
            environment.take(&name, &value);
        }
        environment
    }

    /// `LIFECYCLE_{name}={value}`.
    fn take(&mut self, name: &str, value: &OsStr) {
        if let Some((_, set)) = SETTINGS.iter().find(|(setting, _)| *setting == name) {
            let zero = matches!(name, "LAME_DUCK" | "DRAIN_TIMEOUT" | "EMERGENCY_TIMEOUT");
            if let Some(time) = self.time(name, value, zero) {
                self.settings = set(self.settings, time);
            }
        } else if let Some(component) = name.strip_prefix(START_TIMEOUT) {
            if let Some(time) = self.time(name, value, false) {
                self.start_timeouts.push((component.to_owned(), time));
            }
        } else if let Some(component) = name.strip_prefix(TIMEOUT) {
            if let Some(time) = self.time(name, value, false) {
                self.timeouts.push((component.to_owned(), time));
            }
        } else if name == "CONSOLE" {
            match value.to_str() {
                Some("auto" | "") => {}
                Some("on") => self.console = Console::On,
                Some("off") => self.console = Console::Off,
                _ => self.refuse(name, value, "", "`auto`, `on` or `off`"),
            }
        } else if name == "ADMIN" {
            match value.to_str().map(admin_address::parse) {
                _ if value.is_empty() => {}
                Some(Ok(address)) => self.admin = Some(address),
                Some(Err(why)) => self.refuse(name, value, &why, admin_address::EXPECTED),
                None => self.refuse(name, value, "it is not UTF-8", admin_address::EXPECTED),
            }
        } else if name == "DRILL" {
            match value.to_str() {
                Some("") => {}
                Some(text) if cfg!(feature = "drill") => self.drill = Some(text.to_owned()),
                Some(_) => self.warnings.push(format!(
                    "{PREFIX}{name} is set, but the app is built without the feature `drill` of `lifecycle`: no drill takes place"
                )),
                None => self.refuse(name, value, "it is not UTF-8", "a drill such as `stop`"),
            }
        } else if name == "PRINT" {
            match value.to_str().map(PrintFormat::new) {
                _ if value.is_empty() => {}
                Some(Ok(format)) => self.print = Some(format),
                Some(Err(why)) => self.refuse(name, value, &why, PrintFormat::EXPECTED),
                None => self.refuse(name, value, "it is not UTF-8", PrintFormat::EXPECTED),
            }
        } else if name == "REPORT" {
            if !value.is_empty() {
                match ReportPath::new(value) {
                    Ok(path) => self.report = Some(path),
                    Err(why) => self.refuse(name, value, &why, ReportPath::EXPECTED),
                }
            }
        } else if name == "STRICT" {
            match value.to_str() {
                Some("1" | "true") => self.strict = true,
                Some("0" | "false" | "") => {}
                _ => self.refuse(name, value, "", "`1` or `0`"),
            }
        } else if !OTHERS.contains(&name) {
            let known = SETTINGS.iter().map(|(name, _)| *name).chain(OTHERS);
            let hint = nearest(name, known).map_or_else(String::new, |near| {
                format!(": did you mean `{PREFIX}{near}`?")
            });
            self.warnings
                .push(format!("{PREFIX}{name} is not a known variable{hint}"));
        }
    }

    fn time(&mut self, name: &str, value: &OsStr, zero: bool) -> Option<Duration> {
        let parsed = match value.to_str().map(duration::parse) {
            None => Err("it is not UTF-8".to_owned()),
            Some(Ok(Duration::ZERO)) if !zero => Err("it must be more than zero".to_owned()),
            Some(parsed) => parsed,
        };
        let time = parsed
            .map_err(|why| self.refuse(name, value, &why, duration::EXPECTED))
            .ok()?;
        self.given.push((format!("{PREFIX}{name}"), time));
        Some(time)
    }

    /// Lists which of these limits are set by variables, for a message: ` (LIFECYCLE_LAME_DUCK="5s")`.
    pub(crate) fn given_of(&self, limits: &[&str]) -> String {
        let is_one = |name: &str| {
            let name = name.strip_prefix(PREFIX);
            name.is_some_and(|name| limits.contains(&name))
        };
        let given: Vec<String> = self
            .given
            .iter()
            .filter(|(name, _)| is_one(name))
            .map(|(name, time)| format!("{name}=\"{}\"", duration::show(*time)))
            .collect();
        if given.is_empty() {
            return String::new();
        }
        format!(" ({})", given.join(", "))
    }

    fn refuse(&mut self, name: &str, value: &OsStr, why: &str, expected: &str) {
        let colon = if why.is_empty() { "" } else { ": " };
        self.errors.push(format!(
            "{PREFIX}{name}={value:?} is invalid{colon}{why}; expected {expected}"
        ));
    }

    /// The limits of the component of that name: `(timeout, start_timeout)`.
    pub(crate) fn times_of(&self, upper_snake: &str) -> (Option<Duration>, Option<Duration>) {
        let find = |times: &[(String, Duration)]| {
            times
                .iter()
                .find(|(name, _)| name == upper_snake)
                .map(|(_, time)| *time)
        };
        (find(&self.timeouts), find(&self.start_timeouts))
    }

    /// Returns a warning for each variable whose component does not exist. It is not an error, because a rollback to a
    /// version in which the component had another name must not end in a crash loop.
    pub(crate) fn unknown_components(&self, known: &[String]) -> Vec<String> {
        let warn = |prefix: &str, name: &String| {
            let hint = nearest(name, known.iter().map(String::as_str))
                .map_or_else(String::new, |near| {
                    format!(": did you mean `{PREFIX}{prefix}{near}`?")
                });
            format!("{PREFIX}{prefix}{name} matches no component of this app{hint}")
        };
        let unknown = |(name, _): &&(String, Duration)| !known.contains(name);
        let timeouts = self
            .timeouts
            .iter()
            .filter(unknown)
            .map(|(name, _)| warn(TIMEOUT, name));
        let starts = self
            .start_timeouts
            .iter()
            .filter(unknown)
            .map(|(name, _)| warn(START_TIMEOUT, name));
        timeouts.chain(starts).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt as _;

    use proptest::prelude::*;

    use super::*;

    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            any::<Vec<u8>>(),
            any::<String>().prop_map(String::into_bytes),
            "[A-Z_]{0,8}".prop_map(String::into_bytes),
        ]
    }

    /// The name of a variable, most often a known one, or one that resembles it.
    fn name() -> impl Strategy<Value = OsString> {
        let read = SETTINGS.iter().map(|(name, _)| *name).chain(OTHERS);
        let begin: Vec<String> = read
            .chain([TIMEOUT, START_TIMEOUT, ""])
            .map(|name| format!("{PREFIX}{name}"))
            .collect();
        let end = prop_oneof![3 => Just(Vec::new()), 2 => bytes()];
        (prop::sample::select(begin), end)
            .prop_map(|(begin, end)| OsString::from_vec([begin.into_bytes(), end].concat()))
    }

    fn value() -> impl Strategy<Value = OsString> {
        let good = vec![
            "5s",
            "1m 30s",
            "0",
            "1",
            "auto",
            "on",
            "off",
            "true",
            "false",
            "",
            "365d",
            "-1",
            "NaN",
            "life.json",
            "plan",
            "127.0.0.1:9000",
        ];
        prop_oneof![
            prop::sample::select(good).prop_map(OsString::from),
            bytes().prop_map(OsString::from_vec),
        ]
    }

    /// The effects of the variables: how many set something, and how many messages there are.
    fn effects(environment: &Environment) -> (usize, usize) {
        let of = environment.settings;
        let set = [
            of.shutdown_timeout,
            of.drain_timeout,
            of.lame_duck,
            of.emergency_timeout,
            of.start_timeout,
            of.startup_timeout,
        ];
        let set = set.iter().flatten().count()
            + environment.timeouts.len()
            + environment.start_timeouts.len()
            + usize::from(environment.console != Console::Auto)
            + usize::from(environment.strict)
            + usize::from(environment.drill.is_some())
            + usize::from(environment.admin.is_some())
            + usize::from(environment.report.is_some())
            + usize::from(environment.print.is_some());
        (set, environment.errors.len() + environment.warnings.len())
    }

    /// Whether the variable sets its default.
    fn sets_the_default(name: &OsStr, value: &OsStr) -> bool {
        let values: &[&str] = match name.to_str() {
            Some("LIFECYCLE_CONSOLE") => &["auto", ""],
            Some(
                "LIFECYCLE_ADMIN" | "LIFECYCLE_DRILL" | "LIFECYCLE_PRINT" | "LIFECYCLE_REPORT",
            ) => &[""],
            Some("LIFECYCLE_STRICT") => &["0", "false", ""],
            _ => &[],
        };
        values.iter().any(|default| value == *default)
    }

    proptest! {
        #[test]
        fn d6_each_variable_sets_something_or_gets_a_message(name in name(), value in value()) {
            let environment = Environment::of([(name.clone(), value.clone())]);
            let (set, messages) = effects(&environment);
            let silent = usize::from(sets_the_default(&name, &value));
            prop_assert_eq!(set + messages + silent, 1, "{:?}={:?}: {:?}", name, value, environment);
            // The variable of a component that does not exist gets a warning.
            let unknown = environment.unknown_components(&[]).len();
            prop_assert_eq!(unknown, environment.timeouts.len() + environment.start_timeouts.len());
            for error in &environment.errors {
                let name = name.to_string_lossy();
                prop_assert!(error.contains(&*name) && error.contains(&format!("{value:?}")), "{}", error);
                prop_assert!(error.contains("expected"), "{}", error);
            }
        }

        #[test]
        fn d6_variables_do_not_affect_each_other(
            variables in prop::collection::hash_map(name(), value(), 0..8)
        ) {
            let all = effects(&Environment::of(variables.clone()));
            let alone = variables.into_iter().map(|one| effects(&Environment::of([one])));
            let sum = alone.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
            prop_assert_eq!(all, sum);
        }

        #[test]
        fn d6_variables_without_the_prefix_are_ignored(name in bytes(), value in bytes()) {
            prop_assume!(!name.starts_with(PREFIX.as_bytes()));
            let variable = (OsString::from_vec(name), OsString::from_vec(value));
            prop_assert_eq!(effects(&Environment::of([variable])), (0, 0));
        }

        #[test]
        fn d6_a_formatted_duration_is_read_back(
            setting in prop::sample::select(SETTINGS.to_vec()),
            component in "[A-Z]{1,8}",
            millis in 1..=31_536_000_000_u64,
        ) {
            let time = Duration::from_millis(millis);
            let text = humantime::format_duration(time).to_string();
            let environment = read(&[
                (&format!("{PREFIX}{}", setting.0), &text),
                (&format!("{PREFIX}{TIMEOUT}{component}"), &text),
                (&format!("{PREFIX}{START_TIMEOUT}{component}"), &text),
            ]);
            prop_assert_eq!(effects(&environment), (3, 0));
            prop_assert_eq!(environment.settings, (setting.1)(Settings::NONE, time));
            prop_assert_eq!(environment.times_of(&component), (Some(time), Some(time)));
        }
    }

    fn read(variables: &[(&str, &str)]) -> Environment {
        Environment::of(
            variables
                .iter()
                .map(|(name, value)| (name.into(), value.into())),
        )
    }

    #[test]
    fn settings_and_timeouts_of_components_are_read() {
        let environment = read(&[
            ("LIFECYCLE_SHUTDOWN_TIMEOUT", "1m 30s"),
            ("LIFECYCLE_LAME_DUCK", "0"),
            ("LIFECYCLE_TIMEOUT_HTTP_LISTENER", "5"),
            ("LIFECYCLE_START_TIMEOUT_DATABASE", "2s"),
            ("PATH", "/bin"),
        ]);
        assert!(
            environment.errors.is_empty() && environment.warnings.is_empty(),
            "{environment:?}"
        );
        assert_eq!(
            environment.settings.get_shutdown_timeout(),
            Duration::from_secs(90)
        );
        assert_eq!(
            environment.times_of("HTTP_LISTENER").0,
            Some(Duration::from_secs(5))
        );
        assert_eq!(
            environment.times_of("DATABASE").1,
            Some(Duration::from_secs(2))
        );
    }

    #[test]
    fn each_mistake_is_one_message_with_variable_value_and_expectation() {
        let environment = read(&[
            ("LIFECYCLE_SHUTDOWN_TIMEOUT", "banana"),
            ("LIFECYCLE_START_TIMEOUT", "0"),
            ("LIFECYCLE_CONSOLE", "maybe"),
        ]);
        assert_eq!(environment.errors.len(), 3);
        for (error, parts) in environment.errors.iter().zip([
            ["LIFECYCLE_CONSOLE", "maybe", "`auto`"],
            ["LIFECYCLE_SHUTDOWN_TIMEOUT", "banana", "such as `5s`"],
            ["LIFECYCLE_START_TIMEOUT", "\"0\"", "more than zero"],
        ]) {
            assert!(parts.iter().all(|part| error.contains(part)), "{error}");
        }
    }

    #[test]
    fn an_unknown_variable_or_component_is_a_warning_with_the_nearest_name() {
        let environment = read(&[
            ("LIFECYCLE_SHUTDWN_TIMEOUT", "5s"),
            ("LIFECYCLE_TIMEOUT_DATABSE", "5s"),
        ]);
        assert!(environment.errors.is_empty());
        assert!(
            environment.warnings[0].contains("LIFECYCLE_SHUTDOWN_TIMEOUT"),
            "{environment:?}"
        );
        let warnings = environment.unknown_components(&["DATABASE".into(), "CACHE".into()]);
        assert!(
            warnings[0].contains("did you mean `LIFECYCLE_TIMEOUT_DATABASE`"),
            "{warnings:?}"
        );
    }
}
