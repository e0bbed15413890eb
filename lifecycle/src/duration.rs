//! Durations as people write them: `5s`, `1m 30s`, or bare seconds.

use std::time::Duration;

/// The longest that is accepted: a year. Beyond that a value is a mistake, and instants could overflow.
pub(crate) const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// What is allowed, for messages.
pub(crate) const ALLOWED: &str =
    "a time such as `5s`, `1m 30s`, `250ms` or bare seconds, at most 365 days";

/// Parses a duration.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let duration = match text.parse::<f64>() {
        Ok(seconds) => Duration::try_from_secs_f64(seconds).map_err(|_| {
            if seconds < 0.0 {
                "it is negative"
            } else {
                "it is out of range"
            }
            .to_owned()
        })?,
        Err(_) => humantime::parse_duration(text).map_err(|error| error.to_string())?,
    };
    if duration > LONGEST {
        return Err("it is longer than 365 days".to_owned());
    }
    Ok(duration)
}

/// A duration for people: `0ms`, `37ms`, `1.2s`, `25s`, `1m 30s`.
pub(crate) fn show(duration: Duration) -> String {
    let millis = (duration.as_nanos() + 500_000) / 1_000_000;
    match millis {
        0..1_000 => format!("{millis}ms"),
        1_000..10_000 if !millis.is_multiple_of(1_000) => {
            format!("{}.{}s", millis / 1_000, millis % 1_000 / 100)
        }
        _ => {
            let seconds = millis / 1_000;
            match (seconds / 60, seconds % 60) {
                (0, seconds) => format!("{seconds}s"),
                (minutes, 0) => format!("{minutes}m"),
                (minutes, seconds) => format!("{minutes}m {seconds}s"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_is_parsed() {
        for (text, millis) in [
            ("5s", 5_000),
            ("5", 5_000),
            ("0", 0),
            ("1.5", 1_500),
            (" 1m 30s ", 90_000),
            ("250ms", 250),
            ("365d", 31_536_000_000),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in [
            "",
            " ",
            "banana",
            "-1",
            "-1s",
            "NaN",
            "inf",
            "1e30",
            "366d",
            "5 parsecs",
            "s",
            "\u{0}",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn durations_are_shown_short() {
        for (millis, text) in [
            (0, "0ms"),
            (37, "37ms"),
            (1_000, "1s"),
            (1_250, "1.2s"),
            (25_000, "25s"),
            (90_000, "1m 30s"),
        ] {
            assert_eq!(show(Duration::from_millis(millis)), text);
        }
    }
}
