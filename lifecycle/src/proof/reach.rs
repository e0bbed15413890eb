//! The components that an app reaches: the static records as a [`Graph`].

use super::graph::{Graph, Node};
use crate::api::app::AppRecord;
use crate::api::record::{Need, NeedKind, Record};

/// Up to `N` components, a table of `T` places to find them by their records' ids, and `E` needs.
///
/// Everything is linear, without recursion and without allocation: components are numbered as they are come upon, and
/// each lists its needs when its number comes up.
pub(super) struct Reach<const N: usize, const T: usize, const E: usize> {
    records: [Option<&'static Record>; N],
    nodes: [Node; N],
    count: usize,
    /// How many of the components, the first ones, are the app's fields and listed workers.
    roots: usize,
    /// Open addressing: the index of a record plus one.
    table: [u32; T],
    needs: [u32; E],
    ends: [u32; N],
}

/// The record of the component that is needed, unless the need is a handle.
pub(super) const fn component(need: &Need) -> Option<&'static Record> {
    match (need.kind, need.record) {
        (NeedKind::Component | NeedKind::After, Some(record)) => Some(record.get()),
        _ => None,
    }
}

/// The order of a resource. The workers' orders are a scale of their own, after all resources.
pub(super) const fn order(record: &Record) -> Option<i32> {
    if record.is_worker() {
        None
    } else {
        record.order
    }
}

impl<const N: usize, const T: usize, const E: usize> Reach<N, T, E> {
    /// What the app reaches, unless that is more than fits.
    pub(super) const fn of(app: &AppRecord) -> Option<Self> {
        let mut reach = Self {
            records: [None; N],
            nodes: [Node::PLAIN; N],
            count: 0,
            roots: 0,
            table: [0; T],
            needs: [0; E],
            ends: [0; N],
        };
        let mut i = 0;
        while i < app.fields.len() {
            if let Some(record) = component(&app.fields[i])
                && reach.place(record).is_none()
            {
                return None;
            }
            i += 1;
        }
        let mut i = 0;
        while i < app.workers.len() {
            if reach.place(app.workers[i].get()).is_none() {
                return None;
            }
            i += 1;
        }
        reach.roots = reach.count;
        let (mut next, mut end) = (0, 0);
        while next < reach.count {
            let needs = reach.record(next as u32).needs;
            let mut i = 0;
            while i < needs.len() {
                if let Some(record) = component(&needs[i]) {
                    let Some(place) = reach.place(record) else {
                        return None;
                    };
                    if end == E {
                        return None;
                    }
                    reach.needs[end] = place;
                    end += 1;
                }
                i += 1;
            }
            reach.ends[next] = end as u32;
            next += 1;
        }
        Some(reach)
    }

    /// The index of the record, a new one if it was not seen before.
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
        // Workers end in the drain, before the first resource stops: on the resources' chain they take no time.
        self.nodes[self.count] = Node {
            order: order(record),
            timeout: if record.is_worker() {
                None
            } else {
                record.timeout
            },
            // A record that is written by hand has no module, and no attribute that would have looked at its needs.
            needs_checked: !record.module.is_empty(),
        };
        self.count += 1;
        self.table[slot] = self.count as u32;
        Some(self.count as u32 - 1)
    }

    pub(super) const fn record(&self, place: u32) -> &'static Record {
        match self.records[place as usize] {
            Some(record) => record,
            None => unreachable!(),
        }
    }

    pub(super) const fn roots(&self) -> usize {
        self.roots
    }

    pub(super) const fn graph(&self) -> Graph<'_> {
        Graph {
            nodes: self.nodes.split_at(self.count).0,
            needs: &self.needs,
            ends: self.ends.split_at(self.count).0,
        }
    }
}
