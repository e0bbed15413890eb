//! [`Text`]: a message that constant evaluation composes, where nothing can be allocated.

use std::time::Duration;

const CAPACITY: usize = 2048;
/// The end of a message that did not fit.
const ELLIPSIS: &str = " ..";

/// A message of bounded length. Parts that do not fit are omitted, and the message ends with an ellipsis.
#[derive(Clone, Copy)]
pub(crate) struct Text {
    bytes: [u8; CAPACITY],
    len: usize,
    truncated: bool,
}

impl Text {
    pub(crate) const EMPTY: Self = Self {
        bytes: [0; CAPACITY],
        len: 0,
        truncated: false,
    };

    pub(crate) const fn as_str(&self) -> &str {
        let (used, _) = self.bytes.split_at(self.len);
        match std::str::from_utf8(used) {
            Ok(text) => text,
            Err(_) => unreachable!(),
        }
    }

    /// Appends a string, whole or not at all.
    pub(crate) const fn push(mut self, text: &str) -> Self {
        if self.truncated {
            return self;
        }
        if self.len + text.len() + ELLIPSIS.len() > CAPACITY {
            self.truncated = true;
            return self.copy(ELLIPSIS);
        }
        self.copy(text)
    }

    const fn copy(mut self, text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut i = 0;
        while i < bytes.len() {
            self.bytes[self.len] = bytes[i];
            self.len += 1;
            i += 1;
        }
        self
    }

    /// Appends a name in backticks.
    pub(crate) const fn name(self, name: &str) -> Self {
        self.push("`").push(name).push("`")
    }

    pub(crate) const fn integer(self, value: i32) -> Self {
        let text = if value < 0 { self.push("-") } else { self };
        text.number(value.unsigned_abs() as u64)
    }

    pub(crate) const fn number(self, value: u64) -> Self {
        let text = if value >= 10 {
            self.number(value / 10)
        } else {
            self
        };
        const DIGITS: [&str; 10] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
        text.push(DIGITS[(value % 10) as usize])
    }

    /// Appends a duration in the format of `humantime`, with hours as the largest unit. `humantime` itself cannot run
    /// in constant evaluation.
    pub(crate) const fn duration(mut self, time: Duration) -> Self {
        let (seconds, nanos) = (time.as_secs(), time.subsec_nanos() as u64);
        let parts = [
            (seconds / 3600, "h"),
            (seconds / 60 % 60, "m"),
            (seconds % 60, "s"),
            (nanos / 1_000_000, "ms"),
            (nanos / 1000 % 1000, "us"),
            (nanos % 1000, "ns"),
        ];
        let mut first = true;
        let mut i = 0;
        while i < parts.len() {
            let (value, unit) = parts[i];
            if value > 0 {
                if !first {
                    self = self.push(" ");
                }
                first = false;
                self = self.number(value).push(unit);
            }
            i += 1;
        }
        if first { self.push("0s") } else { self }
    }
}

impl std::fmt::Debug for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.as_str().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_durations() {
        for (time, text) in [
            (Duration::ZERO, "0s"),
            (Duration::from_secs(42), "42s"),
            (Duration::from_secs(90), "1m 30s"),
            (Duration::from_secs(7200), "2h"),
            (Duration::from_millis(1500), "1s 500ms"),
            (Duration::from_nanos(1_002_003), "1ms 2us 3ns"),
        ] {
            assert_eq!(Text::EMPTY.duration(time).as_str(), text);
        }
    }

    #[test]
    fn writes_numbers() {
        assert_eq!(Text::EMPTY.integer(i32::MIN).as_str(), "-2147483648");
        assert_eq!(Text::EMPTY.integer(1050).as_str(), "1050");
    }

    #[test]
    fn a_truncated_message_ends_with_an_ellipsis() {
        let mut text = Text::EMPTY;
        for _ in 0..CAPACITY {
            text = text.push("ä1");
        }
        assert!(text.as_str().ends_with("ä1 .."));
        assert!(text.as_str().len() <= CAPACITY);
        assert_eq!(text.push("more").as_str(), text.as_str());
    }
}
