//! [`Budget`]: the sum, and the message if it does not fit.

use std::time::Duration;

use crate::base::const_text::Text;

/// What a shutdown takes at worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Budget {
    pub(crate) lame_duck: Duration,
    pub(crate) drain: Duration,
    pub(crate) stop: Duration,
    pub(crate) emergency: Duration,
}

impl Budget {
    pub(crate) const fn total(&self) -> Duration {
        self.lame_duck
            .saturating_add(self.drain)
            .saturating_add(self.stop)
            .saturating_add(self.emergency)
    }

    pub(crate) const fn fits(&self, limit: Duration) -> bool {
        self.total().as_nanos() <= limit.as_nanos()
    }

    /// That it does not fit, with what it adds up to. `chain` are the resources that stop one after the other, with
    /// their timeouts.
    pub(crate) const fn message(
        &self,
        app: &str,
        chain: &[(&str, Duration)],
        limit: Duration,
    ) -> Text {
        let mut text = Text::EMPTY
            .name(app)
            .push(" needs up to ")
            .duration(self.total())
            .push(" to stop, but `shutdown_timeout` is ")
            .duration(limit)
            .push(": ");
        if !self.lame_duck.is_zero() {
            text = text.push("lame duck ").duration(self.lame_duck).push(" + ");
        }
        text = text.push("drain ").duration(self.drain);
        let mut i = 0;
        while i < chain.len() {
            let (name, time) = chain[i];
            text = text.push(if i == 0 { " + " } else { " -> " });
            text = text.name(name).push(" ").duration(time);
            i += 1;
        }
        text.push(" + emergency ").duration(self.emergency)
    }
}
