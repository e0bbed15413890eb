//! The proof: a walk over the static records that the compiler runs. It finds orders that contradict dependencies,
//! cycles, and shutdowns that cannot fit.
//!
//! Everything is `const fn` and does without allocation and without recursion; the memory is fixed arrays, small ones
//! first. Each step is counted by the lint against long constant evaluation, so the walk is linear: a table on the
//! records' ids, and a depth-first search with a stack of its own.

pub(crate) mod budget;
mod walk;

use self::walk::Walk;
use crate::api::app::AppRecord;
use crate::api::record::RecordRef;
use crate::api::record::{Need, NeedKind, Record};
use crate::base::const_text::Text;

/// What was found about an app.
#[derive(Debug, Clone, Copy)]
pub struct Verdict {
    findings: [Finding; FINDINGS],
    count: usize,
    budget: Option<Text>,
}

/// More are not kept: they tend to be the same mistake again.
const FINDINGS: usize = 4;

#[derive(Debug, Clone, Copy)]
struct Finding {
    /// The record from which the walk came upon it: a field, or a worker in the list.
    root: u64,
    text: Text,
}

/// One dependency of a component: that the component does not start before it, and that it may be there.
///
/// # Panics
///
/// When it is wrong, at the caller: the expansion calls it in a constant at the parameter.
#[track_caller]
pub const fn check_edge(record: &Record, need: &Need) {
    if matches!(need.kind, NeedKind::Ready) && !record.is_worker() {
        panic!(
            "`Ready` is for `#[background]` functions: a resource is up when its `start` has returned\nremove the parameter"
        );
    }
    if let Some(target) = component(need)
        && contradicts(record, target)
    {
        let text = named_with_order(Text::EMPTY, record).push(" needs ");
        fail(&order_advice(
            named_with_order(text, target),
            record,
            target,
        ));
    }
}

/// At most one of the parameters is an app.
///
/// # Panics
///
/// When it is a second one, at the caller.
#[track_caller]
pub const fn check_one_app(earlier: &[Option<AppRecord>], parameter: Option<AppRecord>) {
    let mut i = 0;
    while i < earlier.len() {
        if let (Some(first), Some(second)) = (earlier[i], parameter) {
            let text = Text::EMPTY
                .name(second.name)
                .push(" is a second app beside ")
                .name(first.name)
                .push("\na program has one: put the fields of both into it");
            fail(&text);
        }
        i += 1;
    }
}

/// Walks everything that the app's fields and listed workers need.
#[must_use]
pub const fn check_app(app: &AppRecord) -> Verdict {
    // Most apps are small, and the larger arrays take time to fill.
    match Walk::<256, 1024, 1024, 4096>::new().run(app) {
        Some(verdict) => verdict,
        None => match Walk::<16384, 65536, 65536, 262_144>::new().run(app) {
            Some(verdict) => verdict,
            None => panic!("an app of more than 16384 components is not checked at compile time"),
        },
    }
}

impl Verdict {
    /// What was found by way of a field.
    ///
    /// # Panics
    ///
    /// When something was, at the caller.
    #[track_caller]
    pub const fn field(&self, need: &Need) {
        if let Some(record) = component(need) {
            self.root(record);
        }
    }

    /// What was found by way of a worker in the list.
    ///
    /// # Panics
    ///
    /// When something was, at the caller.
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

    /// Whether the shutdown fits.
    ///
    /// # Panics
    ///
    /// When it does not, at the caller.
    #[track_caller]
    pub const fn budget(&self) {
        if let Some(text) = &self.budget {
            fail(text);
        }
    }
}

#[track_caller]
const fn fail(text: &Text) -> ! {
    panic!("{}", text.as_str())
}

const fn component(need: &Need) -> Option<&'static Record> {
    match (need.kind, need.record) {
        (NeedKind::Component | NeedKind::After, Some(record)) => Some(record.get()),
        _ => None,
    }
}

/// The workers' orders are a scale of their own, after all resources.
const fn order(record: &Record) -> Option<i32> {
    if record.is_worker() {
        None
    } else {
        record.order
    }
}

const fn contradicts(record: &Record, target: &Record) -> bool {
    matches!((order(record), order(target)), (Some(own), Some(other)) if own < other)
}

const fn named_with_order(text: Text, record: &Record) -> Text {
    let text = text.name(record.name);
    match order(record) {
        Some(order) => text.push(" (order ").integer(order).push(")"),
        None => text,
    }
}

/// The end of the message, and what to change: for records that both have an order.
const fn order_advice(text: Text, record: &Record, target: &Record) -> Text {
    let text = text.push(", which starts after it");
    let (Some(own), Some(other)) = (order(record), order(target)) else {
        return text;
    };
    text.push("\nwrite `order = ")
        .integer(own)
        .push("` or less for ")
        .name(target.name)
        .push(", or `order = ")
        .integer(other)
        .push("` or more for ")
        .name(record.name)
        .push("; without `order`, dependencies alone decide")
}
