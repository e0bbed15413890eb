//! What the files of systemd, Kubernetes and compose have in common: the command, the environment and the time limits.

use std::env::{args, current_exe};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use heck::ToKebabCase as _;

use crate::api::record::HookKind;
use crate::base::duration::{LONGEST, show};
use crate::plan::Plan;
use crate::proof::budget::Budget;

/// How much longer than the app's own limit a supervisor waits before it kills the app: for the kernel timers that
/// end the process as a last resort, and for the delivery of a signal on a busy machine.
pub(super) const MARGIN: Duration = Duration::from_secs(5);

/// The lame duck of an app that sets none: how long load balancers have to remove it.
const LAME_DUCK: Duration = Duration::from_secs(5);

/// The port of the probes, on all addresses of the container. It is not reachable from outside unless it is published.
pub(super) const ADMIN_PORT: u16 = 9000;

const LAME_DUCK_VARIABLE: &str = "LIFECYCLE_LAME_DUCK";
const SHUTDOWN_VARIABLE: &str = "LIFECYCLE_SHUTDOWN_TIMEOUT";
const ADMIN_VARIABLE: &str = "LIFECYCLE_ADMIN";

/// The app as a service that a supervisor runs.
#[derive(Clone)]
pub(super) struct Service {
    /// A DNS label.
    pub(super) name: String,
    pub(super) path: PathBuf,
    pub(super) arguments: Vec<String>,
    /// The environment variables that set time limits, with their current values.
    pub(super) environment: Vec<(String, String)>,
    pub(super) shutdown: Duration,
    pub(super) startup: Duration,
    pub(super) lame_duck: Duration,
    pub(super) reloads: bool,
    pub(super) budget: Budget,
    pub(super) built: Built,
}

/// The features that the app is built with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Built {
    pub(super) admin: bool,
    pub(super) systemd: bool,
}

impl Service {
    /// The app of this plan, as this process was called. `given` are the environment variables that set its time
    /// limits.
    pub(super) fn of(plan: &Plan, given: Vec<(String, Duration)>) -> Self {
        let path = current_exe().ok();
        let file = path.as_ref().and_then(|path| path.file_name());
        let name = label(&file.map_or_else(
            || plan.name.clone(),
            |name| name.to_string_lossy().into_owned(),
        ));
        Self {
            path: path.unwrap_or_else(|| format!("/usr/local/bin/{name}").into()),
            arguments: args().skip(1).collect(),
            ..Self::called(name, plan, given)
        }
    }

    /// The app of this plan, without arguments, under a name.
    pub(super) fn called(name: String, plan: &Plan, given: Vec<(String, Duration)>) -> Self {
        let environment = given
            .into_iter()
            .map(|(variable, time)| (variable, value(time)))
            .collect();
        Self {
            path: format!("/usr/local/bin/{name}").into(),
            name,
            arguments: Vec::new(),
            environment,
            shutdown: plan.limits.shutdown,
            startup: plan.limits.startup,
            lame_duck: plan.limits.lame_duck,
            reloads: plan
                .components
                .iter()
                .any(|component| component.has(HookKind::Reload)),
            budget: plan.budget,
            built: Built {
                admin: cfg!(feature = "admin"),
                systemd: cfg!(all(feature = "systemd", target_os = "linux")),
            },
        }
    }

    /// The service in a container: behind load balancers, and with probes if the app is built with them.
    pub(super) fn in_container(&self) -> Self {
        let mut service = self.clone().behind_load_balancers();
        if service.built.admin {
            let address = format!("0.0.0.0:{ADMIN_PORT}");
            service
                .environment
                .push((ADMIN_VARIABLE.to_owned(), address));
        }
        service
    }

    /// Adds a lame duck, unless the app or its environment sets one, and extends the shutdown timeout if it does not
    /// fit.
    pub(super) fn behind_load_balancers(mut self) -> Self {
        let is_set = |(variable, _): &(String, String)| variable == LAME_DUCK_VARIABLE;
        if !self.lame_duck.is_zero() || self.environment.iter().any(is_set) {
            return self;
        }
        self.lame_duck = LAME_DUCK;
        self.budget.lame_duck = LAME_DUCK;
        self.set(LAME_DUCK_VARIABLE, LAME_DUCK);
        if !self.budget.fits(self.shutdown) {
            let total = self.budget.total().min(LONGEST);
            self.shutdown = Duration::from_secs(whole_seconds(total));
            self.set(SHUTDOWN_VARIABLE, self.shutdown);
        }
        self
    }

    fn set(&mut self, variable: &str, time: Duration) {
        self.environment.retain(|(name, _)| name != variable);
        self.environment.push((variable.to_owned(), value(time)));
    }

    /// How long a supervisor that asks the app to stop waits before it kills it, in seconds.
    pub(super) fn grace(&self) -> u64 {
        whole_seconds(self.shutdown + MARGIN)
    }

    /// How long the app may take to come up, in seconds.
    pub(super) fn start_limit(&self) -> u64 {
        whole_seconds(self.startup + MARGIN)
    }

    /// The comment that gives the reason of `grace`.
    pub(super) fn grace_reason(&self) -> String {
        format!(
            "The app ends within {} (`shutdown_timeout`). Killing it earlier interrupts its cleanup.",
            show(self.shutdown)
        )
    }
}

/// The value of a variable, exact to the nanosecond.
fn value(time: Duration) -> String {
    humantime::format_duration(time).to_string()
}

/// The time in seconds, rounded up.
pub(super) fn whole_seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

/// Turns a name into one that DNS, Kubernetes and compose accept: at most 63 of `a-z`, `0-9` and `-`, beginning with
/// a letter and not ending with a `-`.
fn label(name: &str) -> String {
    let kept: String = name
        .to_kebab_case()
        .chars()
        .map(|character| match character {
            'a'..='z' | '0'..='9' => character,
            _ => '-',
        })
        .collect();
    let kept = kept.trim_start_matches(|first: char| !first.is_ascii_lowercase());
    let kept = kept[..kept.len().min(63)].trim_end_matches('-');
    if kept.is_empty() { "app" } else { kept }.to_owned()
}

/// Quotes a string for YAML, in the double-quoted style, which JSON shares.
pub(super) fn yaml(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            // Characters that YAML does not allow unescaped; four digits suffice for all of them.
            _ if character.is_control()
                || matches!(character, '\u{2028}' | '\u{2029}' | '\u{feff}') =>
            {
                let _ = write!(quoted, "\\u{:04x}", u32::from(character));
            }
            _ => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_name_becomes_a_label(name in any::<String>()) {
            let label = label(&name);
            prop_assert!((1..=63).contains(&label.len()), "{}", label);
            prop_assert!(label.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '-')), "{}", label);
            prop_assert!(label.starts_with(|c: char| c.is_ascii_lowercase()) && !label.ends_with('-'), "{}", label);
        }

        #[test]
        fn any_text_is_one_line_of_yaml(text in any::<String>()) {
            let quoted = yaml(&text);
            prop_assert!(!quoted.chars().any(char::is_control), "{}", quoted);
            #[cfg(feature = "json")]
            prop_assert_eq!(serde_json::from_str::<String>(&quoted).ok(), Some(text));
        }

        #[test]
        fn rounding_to_seconds_never_shortens_a_time(nanos in any::<u64>()) {
            let time = Duration::from_nanos(nanos);
            prop_assert!(Duration::from_secs(whole_seconds(time)) >= time);
        }
    }

    #[test]
    fn a_label_is_the_name_in_kebab_case() {
        for (name, expected) in [
            ("agent", "agent"),
            ("MyAgent", "my-agent"),
            ("http_server.v2", "http-server-v2"),
            ("7-zip", "zip"),
            ("äö", "app"),
        ] {
            assert_eq!(label(name), expected, "{name}");
        }
    }
}
