//! `systemd`: a unit file; see [`systemd.service(5)`].
//!
//! [`systemd.service(5)`]: https://www.freedesktop.org/software/systemd/man/latest/systemd.service.html

use std::fmt::Write as _;

use crate::base::duration::show;
use crate::view::print::deployment::Service;

pub(super) fn render(service: &Service) -> String {
    let name = &service.name;
    let mut text = format!(
        "# {name}.service, printed by LIFECYCLE_PRINT=systemd: its times are those of the app.
[Unit]
Description={name}
Wants=network-online.target
After=network-online.target

[Service]
"
    );
    if service.built.systemd {
        text.push_str(
            "# The app notifies systemd when it is up, and that it is alive: it is restarted if its runtime does not respond.
Type=notify
NotifyAccess=main
WatchdogSec=30
",
        );
    } else {
        text.push_str(
            "# The app is built without the feature `systemd` of `lifecycle`: it counts as up as soon as it runs, and
# is not watched while it runs. With the feature this is Type=notify, NotifyAccess=main, WatchdogSec=30.
Type=exec
",
        );
    }
    let command = [service.path.to_string_lossy().into_owned()];
    let command: Vec<String> = command
        .iter()
        .chain(&service.arguments)
        .map(|word| quoted(word, true))
        .collect();
    let _ = writeln!(text, "ExecStart={}", command.join(" "));
    if service.reloads {
        text.push_str("ExecReload=/bin/kill -HUP $MAINPID\n");
    }
    for (variable, value) in &service.environment {
        let assignment = quoted(&format!("{variable}={value}"), false);
        let _ = writeln!(text, "Environment={assignment}");
    }
    let _ = write!(
        text,
        "# The app gives up its startup after {startup} (`startup_timeout`).
TimeoutStartSec={start}
# {reason}
TimeoutStopSec={stop}
# SIGTERM goes to the app alone; SIGKILL in the end to all processes that remain.
KillMode=mixed
Restart=on-failure
# A restart does not fix a wrong configuration.
RestartPreventExitStatus=2

[Install]
WantedBy=multi-user.target
",
        startup = show(service.startup),
        start = service.start_limit(),
        reason = service.grace_reason(),
        stop = service.grace(),
    );
    text
}

/// Quotes a word for systemd: `%` begins a specifier, and `$` a variable in a command.
fn quoted(word: &str, command: bool) -> String {
    let plain =
        |character: char| character.is_ascii_alphanumeric() || "/._-=:,+@".contains(character);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    let mut quoted = String::from("\"");
    for character in word.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            '%' => quoted.push_str("%%"),
            '$' if command => quoted.push_str("$$"),
            _ if character.is_control() => {
                let mut bytes = [0; 4];
                for byte in character.encode_utf8(&mut bytes).bytes() {
                    let _ = write!(quoted, "\\x{byte:02x}");
                }
            }
            _ => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn words_are_quoted_as_systemd_reads_them() {
        for (word, command, value) in [
            ("/usr/bin/agent", "/usr/bin/agent", "/usr/bin/agent"),
            ("", "\"\"", "\"\""),
            ("two words", "\"two words\"", "\"two words\""),
            ("100%", "\"100%%\"", "\"100%%\""),
            ("$HOME", "\"$$HOME\"", "\"$HOME\""),
            ("a\"b\\c", r#""a\"b\\c""#, r#""a\"b\\c""#),
            ("a\nb", r#""a\x0ab""#, r#""a\x0ab""#),
        ] {
            assert_eq!(
                (quoted(word, true), quoted(word, false)),
                (command.into(), value.into())
            );
        }
    }
}
