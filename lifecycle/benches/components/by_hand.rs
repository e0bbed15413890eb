//! The same work written by hand: instances are kept when they have started, and stopped in reverse.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// A started instance.
type Started = Arc<dyn Send + Sync>;

async fn start() -> Result<Started, String> {
    Ok(Arc::new(()))
}

async fn stop(_: Started) -> Result<(), String> {
    Ok(())
}

/// Starts level by level, all instances of a level concurrently, and stops in reverse.
pub(crate) async fn level_by_level(levels: usize, width: usize) {
    let mut up = Vec::with_capacity(levels);
    for _ in 0..levels {
        let mut set = JoinSet::new();
        for _ in 0..width {
            set.spawn(start());
        }
        let mut level = Vec::with_capacity(width);
        while let Some(started) = set.join_next().await {
            level.push(started.expect("no panic").expect("it starts"));
        }
        up.push(level);
    }
    for level in up.into_iter().rev() {
        let mut set = JoinSet::new();
        for started in level {
            set.spawn(stop(started));
        }
        while let Some(stopped) = set.join_next().await {
            stopped.expect("no panic").expect("it stops");
        }
    }
}

/// Starts each instance as soon as those that it depends on have started, with a barrier between two levels; stops in
/// reverse.
pub(crate) async fn by_dependencies(levels: usize, width: usize) {
    let count = levels * width;
    // Node `count + n` is the barrier after level `n`.
    let level_of = |node: usize| node / width;
    let after = |node: usize| -> Vec<usize> {
        match node.checked_sub(count) {
            Some(barrier) => ((barrier + 1) * width..(barrier + 2) * width).collect(),
            None if level_of(node) + 1 < levels => vec![count + level_of(node)],
            None => Vec::new(),
        }
    };
    let before = |node: usize| -> Vec<usize> {
        match node.checked_sub(count) {
            Some(barrier) => (barrier * width..(barrier + 1) * width).collect(),
            None if level_of(node) > 0 => vec![count + level_of(node) - 1],
            None => Vec::new(),
        }
    };
    let nodes = count + levels - 1;
    let dependents: Vec<_> = (0..nodes).map(after).collect();
    let needs: Vec<_> = (0..nodes).map(before).collect();
    let mut up: Vec<Option<Started>> = vec![None; count];

    let (ended, mut ends) = mpsc::unbounded_channel();
    let begin = |node: usize| {
        let ended = ended.clone();
        tokio::spawn(async move {
            let _ = ended.send((node, start().await.expect("it starts")));
        });
    };
    let mut waits = Waits::new(&needs);
    let mut ready = waits.ready();
    for _ in 0..count {
        waits.begin_all(&mut ready, &dependents, count, begin);
        let (node, started) = ends.recv().await.expect("an open channel");
        up[node] = Some(started);
        waits.over(node, &dependents, &mut ready);
    }

    let (ended, mut ends) = mpsc::unbounded_channel();
    let mut waits = Waits::new(&dependents);
    let mut ready = waits.ready();
    for _ in 0..count {
        waits.begin_all(&mut ready, &needs, count, |node| {
            let ended = ended.clone();
            let started = up[node].take().expect("a started instance");
            tokio::spawn(async move {
                stop(started).await.expect("it stops");
                let _ = ended.send(node);
            });
        });
        let node = ends.recv().await.expect("an open channel");
        waits.over(node, &needs, &mut ready);
    }
}

/// The number of nodes that each node still waits for.
struct Waits(Vec<usize>);

impl Waits {
    fn new(waits_for: &[Vec<usize>]) -> Self {
        Self(waits_for.iter().map(Vec::len).collect())
    }

    fn ready(&self) -> VecDeque<usize> {
        (0..self.0.len())
            .filter(|node| self.0[*node] == 0)
            .collect()
    }

    fn over(&mut self, node: usize, behind: &[Vec<usize>], ready: &mut VecDeque<usize>) {
        for next in &behind[node] {
            self.0[*next] -= 1;
            if self.0[*next] == 0 {
                ready.push_back(*next);
            }
        }
    }

    /// Begins the nodes that are ready. A barrier has nothing to begin, so that those behind it become ready at once.
    fn begin_all(
        &mut self,
        ready: &mut VecDeque<usize>,
        behind: &[Vec<usize>],
        count: usize,
        mut begin: impl FnMut(usize),
    ) {
        while let Some(node) = ready.pop_front() {
            if node < count {
                begin(node);
            } else {
                self.over(node, behind, ready);
            }
        }
    }
}
