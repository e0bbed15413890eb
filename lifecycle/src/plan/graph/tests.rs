//! The search against its definition, and what the compiler finds against what the plan finds.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;

use super::node::Cost;
use super::{Graph, Node, examined};
use crate::api::app::AppRecord;
use crate::api::hook::{Hook, StartContext, key};
use crate::api::record::{Need, NeedKind, Record, RecordRef};
use crate::api::resource::Resource;
use crate::api::settings::Settings;
use crate::proof::{Verdict, budget, check_app};

const SIZE: usize = 7;
const NAMES: [&str; SIZE] = ["A", "B", "C", "D", "E", "F", "G"];

/// Resources with an order or without, and which needs which.
#[derive(Debug, Clone, Copy)]
struct Sketch {
    orders: [Option<i32>; SIZE],
    needs: [[bool; SIZE]; SIZE],
}

impl Sketch {
    /// One that constant evaluation makes up. With larger seeds fewer needs lead to earlier resources.
    const fn random(seed: u64) -> Self {
        let mut sketch = Self {
            orders: [None; SIZE],
            needs: [[false; SIZE]; SIZE],
        };
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut i = 0;
        while i < SIZE {
            state = next(state);
            if state.is_multiple_of(2) {
                sketch.orders[i] = Some((state / 2 % 4) as i32);
            }
            let mut j = 0;
            while j < SIZE {
                state = next(state);
                let one_in = if j > i { 4 } else { 2 + seed };
                sketch.needs[i][j] = state.is_multiple_of(one_in);
                j += 1;
            }
            i += 1;
        }
        sketch
    }

    fn nodes(&self) -> Vec<Node> {
        (0..SIZE)
            .map(|i| Node {
                name: NAMES[i].to_owned(),
                order: self.orders[i],
                needs: (0..SIZE).filter(|j| self.needs[i][*j]).collect(),
                cost: Cost::Nothing,
            })
            .collect()
    }

    /// Which resources each one needs, directly or through others.
    fn closure(&self) -> [[bool; SIZE]; SIZE] {
        let mut reach = self.needs;
        for k in 0..SIZE {
            for i in 0..SIZE {
                for j in 0..SIZE {
                    reach[i][j] |= reach[i][k] && reach[k][j];
                }
            }
        }
        reach
    }

    /// The highest order of a resource that this one needs directly or through some without an order.
    fn highest(&self, node: usize) -> Option<i32> {
        (0..SIZE)
            .filter(|need| self.needs[node][*need])
            .filter_map(|need| self.orders[need].or_else(|| self.highest(need)))
            .max()
    }
}

const fn next(mut state: u64) -> u64 {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    state
}

struct Sketched;

impl Resource for Sketched {
    const RECORD: RecordRef = RecordRef::to(const { &Record::resource::<Self>("sketched") });

    fn start(_: &mut StartContext) -> Hook<Self> {
        unreachable!("it is never started")
    }
}

const fn records(sketch: Sketch, needs: &'static [[Need; SIZE]; SIZE]) -> [Record; SIZE] {
    let mut records = [Record::resource::<Sketched>(""); SIZE];
    let mut i = 0;
    while i < SIZE {
        records[i] = Record::resource::<Sketched>(NAMES[i]).needs(&needs[i]);
        records[i].order = sketch.orders[i];
        i += 1;
    }
    records
}

const fn need(record: &'static Record) -> Need {
    Need {
        kind: NeedKind::Component,
        record: Some(RecordRef::to(record)),
        key: key::<Sketched>,
        type_name: std::any::type_name::<Sketched>,
    }
}

const fn needs(sketch: Sketch, records: &'static [Record; SIZE]) -> [[Need; SIZE]; SIZE] {
    let mut needs = [[Need::SHUTDOWN; SIZE]; SIZE];
    let mut i = 0;
    while i < SIZE * SIZE {
        let (from, to) = (i / SIZE, i % SIZE);
        if sketch.needs[from][to] {
            needs[from][to] = need(&records[to]);
        }
        i += 1;
    }
    needs
}

const fn fields(records: &'static [Record; SIZE]) -> [Need; SIZE] {
    let mut fields = [Need::SHUTDOWN; SIZE];
    let mut i = 0;
    while i < SIZE {
        fields[i] = need(&records[i]);
        i += 1;
    }
    fields
}

/// The verdicts of constant evaluation. The records of a graph are statics, because they may need each other.
macro_rules! verdicts {
    ($($seed:literal)*) => {
        [$({
            static RECORDS: [Record; SIZE] = records(Sketch::random($seed), &NEEDS);
            static NEEDS: [[Need; SIZE]; SIZE] = needs(Sketch::random($seed), &RECORDS);
            static FIELDS: [Need; SIZE] = fields(&RECORDS);
            static VERDICT: Verdict =
                check_app(&AppRecord::new("Agent", Settings::NONE, &FIELDS, &[], &[]));
            ($seed, &VERDICT)
        }),*]
    };
}

#[test]
fn the_compiler_finds_what_the_plan_finds() {
    let verdicts = verdicts!(
        0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31
        10000 10001 10002 10003 10004 10005 10006 10007 10008 10009 10010 10011 10012 10013
    );
    let (mut clean, mut cycles, mut orders) = (0, 0, 0);
    for (seed, verdict) in verdicts {
        let sketch = Sketch::random(seed);
        let found = match Graph::new(&sketch.nodes()) {
            Ok(_) => Vec::new(),
            Err(findings) => findings,
        };
        // What follows the first line is advice, which only the compiler gives.
        let proved: BTreeSet<&str> = verdict
            .texts()
            .map(|text| text.split('\n').next().unwrap_or(text))
            .collect();
        let planned: BTreeSet<&str> = found.iter().map(String::as_str).collect();
        assert!(
            proved.is_subset(&planned),
            "{seed}: {proved:?} of {planned:?}"
        );
        assert_eq!(proved.len(), planned.len().min(Verdict::FINDINGS), "{seed}");
        let number = |start| {
            planned
                .iter()
                .filter(|text| text.starts_with(start))
                .count()
        };
        clean += usize::from(planned.is_empty());
        cycles += number("dependency cycle: ");
        orders += number("`");
    }
    assert!(
        clean > 2 && cycles > 20 && orders > 20,
        "{clean} {cycles} {orders}"
    );
}

fn sketches(only_later: bool) -> impl Strategy<Value = Sketch> {
    let order = prop::option::of(0..4);
    let orders = prop::array::uniform7(order);
    let needs = prop::array::uniform7(prop::array::uniform7(prop::bool::weighted(0.25)));
    (orders, needs).prop_map(move |(orders, mut needs)| {
        for (i, row) in needs.iter_mut().enumerate() {
            row[..=i].iter_mut().for_each(|need| *need &= !only_later);
        }
        Sketch { orders, needs }
    })
}

proptest! {
    #[test]
    fn cycles_are_reported_where_there_are_any(sketch in sketches(false)) {
        let closure = sketch.closure();
        let cyclic = (0..SIZE).any(|node| closure[node][node]);
        let findings = Graph::new(&sketch.nodes()).err().unwrap_or_default();
        let mut cycles = 0;
        for finding in &findings {
            let Some(path) = finding.strip_prefix("dependency cycle: ") else { continue };
            cycles += 1;
            let path: Vec<usize> = path
                .split(" -> ")
                .map(|name| NAMES.iter().position(|known| format!("`{known}`") == name).unwrap())
                .collect();
            prop_assert!(path.windows(2).all(|pair| sketch.needs[pair[0]][pair[1]]), "{finding}");
            prop_assert_eq!(path.first(), path.last());
        }
        prop_assert_eq!(cycles > 0, cyclic);
    }

    #[test]
    fn without_cycles_each_contradiction_is_reported_once(sketch in sketches(true)) {
        let findings = Graph::new(&sketch.nodes()).err().unwrap_or_default();
        let expected: Vec<String> = (0..SIZE)
            .filter_map(|node| {
                let (own, needed) = (sketch.orders[node]?, sketch.highest(node)?);
                (own < needed).then(|| format!("`{}` (order {own}) needs  (order {needed})", NAMES[node]))
            })
            .collect();
        // Which of several ways to the highest order is named is not defined.
        let found: Vec<String> = findings
            .iter()
            .map(|finding| {
                let (start, way) = finding.split_once("needs ").unwrap();
                let end = way.find(" (order").unwrap();
                let way: Vec<&str> = way[..end].split(" -> ").collect();
                assert!(way.iter().all(|name| name.starts_with('`')), "{finding}");
                let end = finding.rfind(" (order").unwrap();
                let order = finding[end..].trim_end_matches(", which starts after it");
                format!("{start}needs {order}")
            })
            .collect();
        prop_assert_eq!(found, expected);
    }
}

proptest! {
    /// The graph shares time along its chains, the budget adds up the longest one: both must mean the same chains.
    #[test]
    fn the_budget_counts_the_longest_chain_of_the_graph(
        mut sketch in sketches(true),
        timeouts in prop::array::uniform7(prop::option::of(1..9_u64)),
    ) {
        // What is needed comes later, so that falling orders contradict nothing.
        let mut falling: Vec<i32> = sketch.orders.iter().copied().flatten().collect();
        falling.sort_unstable();
        for order in sketch.orders.iter_mut().flatten() {
            *order = falling.pop().unwrap_or_default();
        }
        let mut nodes = sketch.nodes();
        for (node, timeout) in nodes.iter_mut().zip(timeouts) {
            node.cost = timeout.map_or(Cost::Nothing, |secs| Cost::Fixed(Duration::from_secs(secs)));
        }
        let graph = Graph::new(&nodes).unwrap();
        let (budget, _) = budget::resources(examined(&nodes).graph());
        let hour = Duration::from_secs(3600);
        let longest = (0..SIZE)
            .map(|node| nodes[node].timeout().unwrap_or_default() + hour - graph.slack(node, hour))
            .max();
        prop_assert_eq!(Some(budget), longest);
    }
}

#[test]
fn a_chain_of_100_000_with_an_order_at_each_end_is_examined() {
    let number = 100_000;
    let node = |index: usize| Node {
        name: index.to_string(),
        order: (index == 0)
            .then_some(1)
            .or((index == number - 1).then_some(2)),
        needs: (index + 1..number).take(1).collect(),
        cost: Cost::Nothing,
    };
    let nodes: Vec<Node> = (0..number).map(node).collect();
    let findings = Graph::new(&nodes).unwrap_err();
    assert_eq!(findings.len(), 1);
    assert!(
        findings[0].starts_with("`0` (order 1) needs `1` -> `2` -> "),
        "{:.60}",
        findings[0]
    );
    assert!(findings[0].ends_with(" -> `99999` (order 2), which starts after it"));
}
