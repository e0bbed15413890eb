//! [`Verdict`]: what was found about an app, to be reported where it belongs.

use super::reach::component;
use super::wording::fail;
use crate::api::record::{Need, Record, RecordRef};
use crate::base::const_text::Text;

/// What was found about an app.
#[derive(Debug, Clone, Copy)]
pub struct Verdict {
    findings: [Finding; Verdict::FINDINGS],
    count: usize,
    pub(super) budget: Option<Text>,
}

#[derive(Debug, Clone, Copy)]
struct Finding {
    /// The id of the record from which the search came upon it: a field, or a worker in the list.
    root: u64,
    text: Text,
}

impl Verdict {
    /// More are not kept: they tend to be the same mistake again.
    pub(crate) const FINDINGS: usize = 4;

    /// Nothing was found.
    pub(super) const NOTHING: Self = Self {
        findings: [Finding {
            root: 0,
            text: Text::EMPTY,
        }; Self::FINDINGS],
        count: 0,
        budget: None,
    };

    pub(super) const fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(super) const fn add(&mut self, root: &Record, text: Text) {
        if self.count < Self::FINDINGS {
            self.findings[self.count] = Finding {
                root: root.id,
                text,
            };
            self.count += 1;
        }
    }

    /// Reports what was found by way of a field.
    ///
    /// # Panics
    ///
    /// At the caller, with the finding, if there is one.
    #[track_caller]
    pub const fn field(&self, need: &Need) {
        if let Some(record) = component(need) {
            self.root(record);
        }
    }

    /// Reports what was found by way of a worker in the list.
    ///
    /// # Panics
    ///
    /// At the caller, with the finding, if there is one.
    #[track_caller]
    pub const fn worker(&self, record: RecordRef) {
        self.root(record.get());
    }

    #[track_caller]
    const fn root(&self, record: &Record) {
        let mut i = 0;
        while i < self.count {
            if self.findings[i].root == record.id {
                fail(&self.findings[i].text);
            }
            i += 1;
        }
    }

    /// Reports that the shutdown does not fit.
    ///
    /// # Panics
    ///
    /// At the caller, with the sum, if it does not fit.
    #[track_caller]
    pub const fn budget(&self) {
        if let Some(text) = &self.budget {
            fail(text);
        }
    }

    /// The messages about cycles and orders.
    #[cfg(test)]
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        self.findings[..self.count]
            .iter()
            .map(|finding| finding.text.as_str())
    }
}
