//! What is proved of an app as a whole: no cycles, no orders that contradict needs, and a shutdown that fits.

use std::time::Duration;

use super::budget::{self, Budget, Work};
use super::graph::Node;
use super::reach::Reach;
use super::search::{self, Finding, Search};
use super::verdict::Verdict;
use super::wording::{
    BUDGET_ADVICE, CYCLE, CYCLE_ADVICE, append, needs, order_advice, starts_later, step,
};
use crate::api::app::AppRecord;
use crate::base::const_text::Text;

/// Examines everything that the app's fields and listed workers need.
///
/// # Panics
///
/// If the app has more components than constant evaluation has memory for.
#[must_use]
pub const fn check_app(app: &AppRecord) -> Verdict {
    // Most apps are small, and the larger arrays take time to fill.
    match check::<256, 1024, 1024, 2048>(app) {
        Some(verdict) => verdict,
        None => match check::<16384, 65536, 65536, 131_072>(app) {
            Some(verdict) => verdict,
            None => panic!("an app of more than 16384 components is not checked at compile time"),
        },
    }
}

/// The verdict, unless the app is too large for `N` components, a table of `T` places for them, and `E` needs. `W` words
/// are what the search and the budget take for that.
const fn check<const N: usize, const T: usize, const E: usize, const W: usize>(
    app: &AppRecord,
) -> Option<Verdict> {
    const { assert!(W >= search::words(N) && W >= budget::words(N)) };
    let Some(reach) = Reach::<N, T, E>::of(app) else {
        return None;
    };
    let mut words = [0; W];
    let mut verdict = search(&reach, &mut words);
    if verdict.is_empty() {
        verdict.budget = over_budget(app, &reach, &mut words);
    }
    Some(verdict)
}

/// Searches from each field and each listed worker, so that a finding is reported at the first that leads to it.
const fn search<const N: usize, const T: usize, const E: usize>(
    reach: &Reach<N, T, E>,
    words: &mut [u32],
) -> Verdict {
    let mut verdict = Verdict::NOTHING;
    let mut search = Search::new(reach.graph(), words);
    let mut root = 0;
    while root < reach.roots() as u32 {
        search.begin(root);
        while let Some(finding) = search.advance() {
            let text = match finding {
                Finding::Cycle { start } => cycle(reach, search.path_from(start)),
                Finding::Contradiction { node } => contradiction(reach, &search, node),
            };
            verdict.add(reach.record(root), text);
        }
        root += 1;
    }
    verdict
}

const fn cycle<const N: usize, const T: usize, const E: usize>(
    reach: &Reach<N, T, E>,
    path: &[u32],
) -> Text {
    let mut text = append(Text::EMPTY, CYCLE);
    let mut i = 0;
    while i < path.len() {
        text = append(text, &step(reach.record(path[i]).name));
        i += 1;
    }
    text.name(reach.record(path[0]).name).push(CYCLE_ADVICE)
}

const fn contradiction<const N: usize, const T: usize, const E: usize>(
    reach: &Reach<N, T, E>,
    search: &Search<'_>,
    node: u32,
) -> Text {
    let mut text = Text::EMPTY;
    let Some(own) = reach.graph().order(node) else {
        unreachable!()
    };
    let own = (reach.record(node).name, own);
    text = append(text, &needs(own.0, own.1));
    let mut at = search.through(node);
    loop {
        let name = reach.record(at).name;
        let Some(order) = reach.graph().order(at) else {
            text = append(text, &step(name));
            at = search.through(at);
            continue;
        };
        text = append(text, &starts_later(name, order));
        return append(text, &order_advice(own, (name, order)));
    }
}

/// The message, if the shutdown does not fit.
const fn over_budget<const N: usize, const T: usize, const E: usize>(
    app: &AppRecord,
    reach: &Reach<N, T, E>,
    words: &mut [u32],
) -> Option<Text> {
    let graph = reach.graph();
    let mut workers = [Node::PLAIN; N];
    let mut worker_count = 0;
    let mut i = 0;
    while i < graph.nodes.len() {
        let record = reach.record(i as u32);
        if record.is_worker() {
            workers[worker_count] = Node {
                order: record.order,
                timeout: record.timeout,
                needs_checked: true,
            };
            worker_count += 1;
        }
        i += 1;
    }
    let workers = workers.split_at(worker_count).0;
    let drain = budget::drain(app.settings.drain_timeout, workers, words);
    let mut times = [0; N];
    let chain = budget::stop_chain(
        graph,
        Work {
            words,
            times: &mut times,
        },
    );
    let budget = Budget {
        lame_duck: app.settings.lame_duck_time(),
        drain,
        stop: chain.time,
        emergency: app.settings.emergency_time(),
    };
    let limit = app.settings.total();
    if budget.fits(limit) {
        return None;
    }
    let mut named = [("", Duration::ZERO); N];
    let mut i = 0;
    while i < chain.len {
        let record = reach.record(words[i]);
        if let Some(timeout) = record.timeout {
            named[i] = (record.name, timeout);
        }
        i += 1;
    }
    Some(
        budget
            .message(app.name, named.split_at(chain.len).0, limit)
            .push(BUDGET_ADVICE),
    )
}
