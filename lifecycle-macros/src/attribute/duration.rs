//! Durations in attributes: `"5s"`, `"1m 30s"`, or bare seconds `"5"`.

use std::time::Duration;

use proc_macro2::TokenStream;
use quote::quote;
use syn::LitStr;

/// The longest time that any argument accepts.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Reads a duration; `zero` says whether it may be 0.
pub(crate) fn parse(literal: &LitStr, argument: &str, zero: bool) -> syn::Result<Duration> {
    let error = |message: String| Err(syn::Error::new(literal.span(), message));
    let text = literal.value();
    let Some(duration) = read(text.trim()) else {
        return error(format!(
            "`{text}` is not a duration\nwrite for example `{argument} = \"5s\"`, `\"250ms\"`, `\"1m 30s\"`, or bare seconds: `\"5\"`",
        ));
    };
    if duration.is_zero() && !zero {
        return error(format!(
            "`{argument}` must be more than 0\nwrite for example `{argument} = \"5s\"`"
        ));
    }
    if duration > LONGEST {
        return error(format!(
            "`{argument}` must be at most 365 days, but is {}",
            humantime::format_duration(Duration::from_secs(duration.as_secs())),
        ));
    }
    Ok(duration)
}

fn read(text: &str) -> Option<Duration> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok().map(Duration::from_secs);
    }
    humantime::parse_duration(text).ok()
}

/// The expression that stands for the duration.
pub(crate) fn tokens(duration: Duration) -> TokenStream {
    let (seconds, nanos) = (duration.as_secs(), duration.subsec_nanos());
    quote!(::core::time::Duration::new(#seconds, #nanos))
}

#[cfg(test)]
mod tests {
    use proc_macro2::Span;

    use super::*;

    fn parsed(text: &str, zero: bool) -> Result<Duration, String> {
        let literal = LitStr::new(text, Span::call_site());
        parse(&literal, "timeout", zero).map_err(|error| error.to_string())
    }

    #[test]
    fn accepts_humantime_and_bare_seconds() {
        assert_eq!(parsed("5s", false), Ok(Duration::from_secs(5)));
        assert_eq!(parsed("1m 30s", false), Ok(Duration::from_secs(90)));
        assert_eq!(parsed(" 5 ", false), Ok(Duration::from_secs(5)));
        assert_eq!(parsed("365days", false), Ok(LONGEST));
        assert_eq!(parsed("1ns", false), Ok(Duration::from_nanos(1)));
    }

    #[test]
    fn refuses_other_text_and_times_out_of_range() {
        for text in ["", "soon", "5 parsecs", "-5s", "99999999999999999999"] {
            assert!(
                parsed(text, false)
                    .unwrap_err()
                    .contains("is not a duration"),
                "{text}"
            );
        }
        assert!(parsed("0s", false).unwrap_err().contains("more than 0"));
        assert_eq!(parsed("0s", true), Ok(Duration::ZERO));
        assert!(
            parsed("366days", false)
                .unwrap_err()
                .contains("at most 365 days")
        );
        assert!(
            parsed("31536001", false)
                .unwrap_err()
                .contains("at most 365 days")
        );
    }
}
