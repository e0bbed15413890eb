//! The walk itself, with what it keeps in fixed arrays.

use std::time::Duration;

use super::{FINDINGS, Finding, Verdict, component, named_with_order, order, order_advice};
use crate::api::app::AppRecord;
use crate::api::record::Record;
use crate::base::const_text::Text;
use crate::proof::budget::{self, Budget, Node, Work};

/// `N` components, a table of `T` places for them, `E` dependencies between them, and `W` words for the budget: at least
/// `budget::words(N, E)`.
pub(super) struct Walk<const N: usize, const T: usize, const E: usize, const W: usize> {
    records: [Option<&'static Record>; N],
    count: usize,
    /// Open addressing: the index of a record plus one.
    table: [u32; T],
    edges: [(u32, u32); E],
    edge_count: usize,
    marks: [Mark; N],
    /// Which need of a component on the path comes next.
    next: [u32; N],
    path: [u32; N],
    depth: usize,
    /// The highest order that is reached from a component without an order, itself left out.
    reached: [Option<i32>; N],
    /// Where it is reached through.
    through: [u32; N],
    root: u64,
    verdict: Verdict,
}

#[derive(Clone, Copy)]
enum Mark {
    New,
    OnPath,
    Done,
}

impl<const N: usize, const T: usize, const E: usize, const W: usize> Walk<N, T, E, W> {
    pub(super) const fn new() -> Self {
        const { assert!(W >= budget::words(N, E)) };
        Self {
            records: [None; N],
            count: 0,
            table: [0; T],
            edges: [(0, 0); E],
            edge_count: 0,
            marks: [Mark::New; N],
            next: [0; N],
            path: [0; N],
            depth: 0,
            reached: [None; N],
            through: [0; N],
            root: 0,
            verdict: Verdict {
                findings: [Finding {
                    root: 0,
                    text: Text::EMPTY,
                }; FINDINGS],
                count: 0,
                budget: None,
            },
        }
    }

    /// The verdict, unless there is more than fits.
    pub(super) const fn run(mut self, app: &AppRecord) -> Option<Verdict> {
        let mut i = 0;
        while i < app.fields.len() {
            if let Some(record) = component(&app.fields[i])
                && !self.visit(record)
            {
                return None;
            }
            i += 1;
        }
        let mut i = 0;
        while i < app.workers.len() {
            if !self.visit(app.workers[i].get()) {
                return None;
            }
            i += 1;
        }
        if self.verdict.count == 0 {
            self.verdict.budget = self.budget(app);
        }
        Some(self.verdict)
    }

    /// The place of the record, a new one if it was not seen before.
    const fn place(&mut self, record: &'static Record) -> Option<u32> {
        let mut slot = (record.id % T as u64) as usize;
        loop {
            match self.table[slot] {
                0 => break,
                found => match self.records[found as usize - 1] {
                    Some(known) if known.id == record.id => return Some(found - 1),
                    _ => slot = (slot + 1) % T,
                },
            }
        }
        if self.count == N {
            return None;
        }
        self.records[self.count] = Some(record);
        self.count += 1;
        self.table[slot] = self.count as u32;
        Some(self.count as u32 - 1)
    }

    const fn record(&self, place: u32) -> &'static Record {
        match self.records[place as usize] {
            Some(record) => record,
            None => unreachable!(),
        }
    }

    /// Depth first from a root; false when there is no more room.
    const fn visit(&mut self, root: &'static Record) -> bool {
        self.root = root.id;
        let Some(start) = self.place(root) else {
            return false;
        };
        if !matches!(self.marks[start as usize], Mark::New) {
            return true;
        }
        self.enter(start);
        while self.depth > 0 {
            let at = self.path[self.depth - 1];
            let needs = self.record(at).needs;
            let next = self.next[at as usize] as usize;
            if next == needs.len() {
                self.depth -= 1;
                self.marks[at as usize] = Mark::Done;
                self.leave(at);
                continue;
            }
            self.next[at as usize] += 1;
            let Some(target) = component(&needs[next]) else {
                continue;
            };
            let Some(target) = self.place(target) else {
                return false;
            };
            if self.edge_count == E {
                return false;
            }
            self.edges[self.edge_count] = (at, target);
            self.edge_count += 1;
            match self.marks[target as usize] {
                Mark::New => self.enter(target),
                Mark::OnPath => self.cycle(target),
                Mark::Done => {}
            }
        }
        true
    }

    const fn enter(&mut self, place: u32) {
        self.marks[place as usize] = Mark::OnPath;
        self.path[self.depth] = place;
        self.depth += 1;
    }

    /// All that the component needs is known: what order is reached from it, and whether that contradicts its own.
    const fn leave(&mut self, place: u32) {
        let record = self.record(place);
        let mut i = 0;
        while i < record.needs.len() {
            if let Some(needed) = component(&record.needs[i])
                && let Some(target) = self.place(needed)
            {
                self.look_through(place, target);
            }
            i += 1;
        }
        if let (Some(own), Some(reached)) = (order(record), self.reached[place as usize])
            && own < reached
        {
            self.contradiction(place);
        }
    }

    const fn look_through(&mut self, place: u32, target: u32) {
        let (record, needed) = (self.record(place), self.record(target));
        let reached = match order(needed) {
            // Of a direct need the attribute has reported it already, at the parameter; of one written by hand nobody.
            Some(_) if order(record).is_some() && !record.module.is_empty() => None,
            Some(order) => Some(order),
            None => self.reached[target as usize],
        };
        let Some(reached) = reached else { return };
        let higher = match self.reached[place as usize] {
            Some(known) => reached > known,
            None => true,
        };
        if higher {
            self.reached[place as usize] = Some(reached);
            self.through[place as usize] = target;
        }
    }

    const fn contradiction(&mut self, place: u32) {
        let mut text = named_with_order(Text::EMPTY, self.record(place)).push(" needs ");
        let mut at = self.through[place as usize];
        while order(self.record(at)).is_none() {
            text = text.name(self.record(at).name).push(" -> ");
            at = self.through[at as usize];
        }
        let (record, target) = (self.record(place), self.record(at));
        self.find(order_advice(named_with_order(text, target), record, target));
    }

    /// The path leads back to one of its own components.
    const fn cycle(&mut self, target: u32) {
        let mut from = self.depth;
        while self.path[from - 1] != target {
            from -= 1;
        }
        let mut text = Text::EMPTY.push("dependency cycle: ");
        let mut i = from - 1;
        while i < self.depth {
            text = text.name(self.record(self.path[i]).name).push(" -> ");
            i += 1;
        }
        let text = text
            .name(self.record(target).name)
            .push("\nremove one of these dependencies, or move what they share into a resource of its own");
        self.find(text);
    }

    const fn find(&mut self, text: Text) {
        if self.verdict.count < FINDINGS {
            self.verdict.findings[self.verdict.count] = Finding {
                root: self.root,
                text,
            };
            self.verdict.count += 1;
        }
    }

    /// The message, if the shutdown does not fit.
    const fn budget(&self, app: &AppRecord) -> Option<Text> {
        const NOTHING: Node = Node {
            order: None,
            timeout: None,
        };
        // A worker stands among the resources as one that takes no time, so that places stay what they are.
        let (mut resources, mut workers) = ([NOTHING; N], [NOTHING; N]);
        let mut worker_count = 0;
        let mut i = 0;
        while i < self.count {
            let record = self.record(i as u32);
            let node = Node {
                order: record.order,
                timeout: record.timeout,
            };
            if record.is_worker() {
                workers[worker_count] = node;
                worker_count += 1;
            } else {
                resources[i] = node;
            }
            i += 1;
        }
        let (mut words, mut times) = ([0; W], [0; N]);
        let workers = workers.split_at(worker_count).0;
        let drain = budget::drain(app.settings.drain_timeout, workers, &mut words);
        let chain = budget::stop_chain(
            resources.split_at(self.count).0,
            self.edges.split_at(self.edge_count).0,
            Work {
                words: &mut words,
                times: &mut times,
            },
        );
        let budget = Budget {
            lame_duck: app.settings.get_lame_duck(),
            drain,
            stop: chain.time,
            emergency: app.settings.get_emergency_timeout(),
        };
        let limit = app.settings.get_shutdown_timeout();
        if budget.fits(limit) {
            return None;
        }
        let mut named = [("", Duration::ZERO); N];
        let mut i = 0;
        while i < chain.len {
            let record = self.record(words[i]);
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
}

const BUDGET_ADVICE: &str = "\nraise `shutdown_timeout`, or lower one of these";
