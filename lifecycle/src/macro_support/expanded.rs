//! [`expanded`]: marks what a macro has written.

use crate::api::record::Record;

/// Marks the record of an expansion: its functions make hooks without running user code, so that they may be called
/// anywhere.
#[must_use]
pub const fn expanded(record: Record) -> Record {
    record.expanded()
}
