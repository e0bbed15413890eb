//! What is proved at each parameter, where both types are written.

use super::reach::{component, order};
use super::search::contradicts;
use super::wording::{append, fail, needs, order_advice, starts_later};
use crate::api::app::AppRecord;
use crate::api::record::{Need, NeedKind, Record};
use crate::base::const_text::Text;

/// Checks one dependency of a component: that the component does not start before it, and that it may take such a
/// parameter at all.
///
/// # Panics
///
/// At the caller, if that is not so: the expansion calls it in a constant at the parameter.
#[track_caller]
pub const fn check_edge(record: &Record, need: &Need) {
    if matches!(need.kind, NeedKind::Ready) && !record.is_worker() {
        panic!(
            "`Ready` is for `#[background]` functions: a resource is up when its `start` has returned\nremove the parameter"
        );
    }
    if let Some(target) = component(need)
        && let (Some(own), Some(other)) = (order(record), order(target))
        && contradicts(own, other)
    {
        let text = append(Text::EMPTY, &needs(record.name, own));
        let text = append(text, &starts_later(target.name, other));
        let advice = order_advice((record.name, own), (target.name, other));
        fail(&append(text, &advice));
    }
}

/// Checks that at most one of the parameters is an app.
///
/// # Panics
///
/// At the caller, if this is a second one.
#[track_caller]
pub const fn check_one_app(earlier: &[Option<AppRecord>], parameter: Option<AppRecord>) {
    let mut i = 0;
    while i < earlier.len() {
        if let (Some(first), Some(second)) = (earlier[i], parameter) {
            let text = Text::EMPTY
                .name(second.name)
                .push(" is a second app beside ")
                .name(first.name)
                .push("\na program has one app: put the fields of both into one struct");
            fail(&text);
        }
        i += 1;
    }
}
