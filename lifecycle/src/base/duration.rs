//! Durations in settings and messages: `5s`, `1m 30s`, or bare seconds.

use std::time::Duration;

/// The longest duration that is accepted: a year. A longer one is a mistake, and could overflow an `Instant`.
pub(crate) const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// The accepted format, for messages.
pub(crate) const EXPECTED: &str =
    "a duration such as `5s`, `1m 30s`, `250ms` or bare seconds, at most 365 days";

/// Parses a duration. The error says what is wrong with the text, in the form `it is negative`.
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

/// Formats a duration for messages, to two or three digits: `0ms`, `37ms`, `1.2s`, `25s`, `1m 30s`.
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

/// Formats a duration for pictures, to three digits: `340µs`, `1.2ms`, `340ms`, `1.25s`, `12.3s`.
pub(crate) fn exact(time: Duration) -> String {
    let micros = time.as_micros();
    match micros {
        0 => "0".to_owned(),
        1..1_000 => format!("{micros}µs"),
        1_000..10_000 => format!("{}ms", trimmed(time.as_secs_f64() * 1e3, 2)),
        10_000..1_000_000 => format!("{}ms", micros / 1_000),
        1_000_000..10_000_000 => format!("{}s", trimmed(time.as_secs_f64(), 2)),
        10_000_000..60_000_000 => format!("{}s", trimmed(time.as_secs_f64(), 1)),
        60_000_000..3_600_000_000 => show(time),
        _ => {
            let minutes = time.as_secs() / 60;
            match (minutes / 60, minutes % 60) {
                (hours, 0) => format!("{hours}h"),
                (hours, minutes) => format!("{hours}h {minutes}m"),
            }
        }
    }
}

fn trimmed(number: f64, places: usize) -> String {
    let text = format!("{number:.places$}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Durations that are accepted, with extra weight on both ends.
    fn accepted() -> impl Strategy<Value = Duration> {
        let longest = u64::try_from(LONGEST.as_nanos()).expect("a year fits");
        prop_oneof![
            0..=longest,
            0..100_000_000_000_u64,
            Just(0),
            Just(1),
            Just(longest)
        ]
        .prop_map(Duration::from_nanos)
    }

    /// Text that resembles a duration.
    fn nearly() -> impl Strategy<Value = String> {
        let pieces = vec![
            "1",
            "30",
            ".",
            "-",
            "+",
            "e",
            "e9",
            " ",
            "s",
            "m",
            "ms",
            "ns",
            "h",
            "days",
            "years",
            "inf",
            "NaN",
            "0",
            "99999999999999999999",
            "\u{0}",
            "\u{1d7d9}",
        ];
        prop::collection::vec(prop::sample::select(pieces), 0..6).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn d6_any_text_is_a_duration_of_at_most_a_year_or_an_error(
            text in prop_oneof![any::<String>(), nearly(), any::<f64>().prop_map(|f| f.to_string())]
        ) {
            match parse(&text) {
                Ok(duration) => prop_assert!(duration <= LONGEST),
                Err(why) => prop_assert!(!why.is_empty()),
            }
        }

        #[test]
        fn d6_a_formatted_duration_is_parsed_back(duration in accepted()) {
            prop_assert_eq!(parse(&humantime::format_duration(duration).to_string()), Ok(duration));
        }

        #[test]
        fn d6_bare_seconds_are_parsed_to_the_microsecond(duration in accepted()) {
            let read = parse(&format!("{}.{:09}", duration.as_secs(), duration.subsec_nanos()));
            prop_assert!(read.is_ok_and(|read| read.abs_diff(duration) < Duration::from_micros(1)));
        }

        #[test]
        fn d6_a_shown_duration_is_parsed_back_to_its_precision(duration in accepted()) {
            let shown = show(duration);
            let off = match duration.as_millis() {
                0..1_000 => Duration::from_millis(1),
                1_000..10_000 => Duration::from_millis(100),
                _ => Duration::from_secs(1),
            };
            let read = parse(&shown);
            prop_assert!(
                read.as_ref().is_ok_and(|read| read.abs_diff(duration) <= off),
                "{:?} is shown as {}, read as {:?}", duration, shown, read
            );
        }

        #[test]
        fn d6_durations_over_a_year_and_negative_ones_are_errors(
            beyond in 1..u64::MAX / 2,
            seconds in 0.000_000_001..1e300_f64,
        ) {
            let beyond = LONGEST.as_secs() + beyond;
            for text in [format!("{beyond}s"), beyond.to_string(), format!("-{seconds}")] {
                prop_assert!(parse(&text).is_err(), "{}", text);
            }
        }
    }

    #[test]
    fn usual_formats_are_parsed() {
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
    fn text_that_is_not_a_duration_is_an_error() {
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
    fn durations_are_shown_to_two_or_three_digits() {
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

    #[test]
    fn durations_in_pictures_have_three_digits() {
        for (micros, text) in [
            (0, "0"),
            (340, "340µs"),
            (1_000, "1ms"),
            (1_250, "1.25ms"),
            (20_400, "20ms"),
            (1_000_000, "1s"),
            (1_250_000, "1.25s"),
            (12_340_000, "12.3s"),
            (90_000_000, "1m 30s"),
            (11_520_000_000, "3h 12m"),
        ] {
            assert_eq!(exact(Duration::from_micros(micros)), text);
        }
    }
}
