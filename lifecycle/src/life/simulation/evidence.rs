//! What is written down while a world's life is led, and what can be looked up in it afterwards.

use std::time::Duration;

use tokio::time::Instant;

use super::world::{End, Outside, Ready, World};
use crate::life::outcome::{ComponentOutcome, Outcome};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Start,
    Stop,
    Run,
    Body,
    Task,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// The driver calls it, or the task is spawned.
    Called(Stage),
    Ended(Stage, End),
    /// The future was dropped before it ended.
    Aborted(Stage),
    /// It saw that it is asked to stop.
    StopRequested(Stage),
    /// A worker said that it is up.
    Ready,
    Emergency,
    Dropped,
    /// What clients of the app see.
    Admitted,
    Refused,
    Finished,
    /// What was asked for from outside, or by a worker.
    Sent(Outside),
    /// What the driver announces.
    Running,
    Stopping,
    Draining,
    /// Only the emergency layer remains.
    OutOfTime,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) at: Instant,
    pub(super) id: usize,
    /// Of which of its calls, counted from 0.
    pub(super) number: usize,
    pub(super) what: What,
}

/// A life that has been led.
pub(super) struct Story {
    pub(super) world: World,
    /// What happened at which step.
    pub(super) script: Vec<(u64, Outside)>,
    pub(super) outcome: Outcome,
    pub(super) log: Vec<Entry>,
    pub(super) began: Instant,
    pub(super) ended: Instant,
    /// How many events and timers the driver reacted to.
    pub(super) steps: u64,
}

/// When something happened, and which call of its member it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spot {
    pub(super) at: Instant,
    pub(super) position: usize,
    pub(super) number: usize,
}

impl Spot {
    pub(super) fn is_before(self, other: Self) -> bool {
        self.position < other.position
    }
}

/// A story that can be asked about its members.
pub(super) struct Seen<'a> {
    pub(super) story: &'a Story,
    pub(super) world: &'a World,
    members: Vec<Vec<(Spot, What)>>,
    components: Vec<usize>,
}

impl<'a> Seen<'a> {
    pub(super) fn new(story: &'a Story) -> Self {
        let world = &story.world;
        let mut members = vec![Vec::new(); world.unit_id(world.units.len())];
        for (position, entry) in story.log.iter().enumerate() {
            let spot = Spot {
                at: entry.at,
                position,
                number: entry.number,
            };
            members[entry.id].push((spot, entry.what));
        }
        let mut components = vec![usize::MAX; world.body_id()];
        for (index, outcome) in story.outcome.components.iter().enumerate() {
            if let Ok(id) = outcome.name[1..].parse::<usize>() {
                components[id] = index;
            }
        }
        Self {
            story,
            world,
            members,
            components,
        }
    }

    pub(super) fn of(&self, id: usize) -> &[(Spot, What)] {
        &self.members[id]
    }

    pub(super) fn first(&self, id: usize, what: What) -> Option<Spot> {
        self.find(id, |seen| seen == what)
    }

    pub(super) fn find(&self, id: usize, is: impl Fn(What) -> bool) -> Option<Spot> {
        let found = self.members[id].iter().find(|(_, what)| is(*what));
        found.map(|(spot, _)| *spot)
    }

    pub(super) fn last(&self, id: usize, is: impl Fn(What) -> bool) -> Option<(Spot, What)> {
        self.members[id]
            .iter()
            .rev()
            .find(|(_, what)| is(*what))
            .copied()
    }

    pub(super) fn count(&self, id: usize, what: What) -> usize {
        let is = |entry: &&(Spot, What)| entry.1 == what;
        self.members[id].iter().filter(is).count()
    }

    /// Its outcome, by the report.
    pub(super) fn outcome(&self, id: usize) -> &ComponentOutcome {
        &self.story.outcome.components[self.components[id]]
    }

    pub(super) fn is_up(&self, id: usize) -> bool {
        self.outcome(id).started.is_some()
    }

    /// When the start that brought it up ended: its last one, since an abandoned one may end, too.
    pub(super) fn up(&self, id: usize) -> Option<Spot> {
        let ok = |what| what == What::Ended(Stage::Start, End::Ok);
        let up = self.members[id].iter().filter(|(_, what)| ok(*what));
        let last = up.max_by_key(|(spot, _)| spot.number)?;
        self.is_up(id).then_some(last.0)
    }

    /// When the driver announced it.
    pub(super) fn driver(&self, what: What) -> Option<Spot> {
        self.first(self.world.outside_id(), what)
    }

    /// When the cause to stop was fixed.
    pub(super) fn cause(&self) -> Spot {
        self.driver(What::Stopping).expect("it has stopped")
    }

    pub(super) fn draining(&self) -> Option<Spot> {
        self.driver(What::Draining)
    }

    /// When only the emergency layer remained, where it came to that.
    pub(super) fn out_of_time(&self) -> Option<Spot> {
        self.driver(What::OutOfTime)
    }

    /// Whether that was certainly before the emergency layer began; at the same instant both may be.
    pub(super) fn surely_in_time(&self, at: Instant) -> bool {
        self.out_of_time().is_none_or(|end| at < end.at)
    }

    /// Whether it may have been before the emergency layer began.
    pub(super) fn maybe_in_time(&self, at: Instant) -> bool {
        self.out_of_time().is_none_or(|end| at <= end.at)
    }

    /// Where the emergency reserve begins.
    pub(super) fn reserve(&self) -> Instant {
        self.cause().at + millis(self.world.shutdown - self.world.reserve)
    }

    /// How long first polls block the runtime, and so the driver, in this world.
    pub(super) fn blocked(&self) -> Duration {
        let blocks = self.world.workers.iter().map(|worker| match worker.ready {
            Ready::FirstPoll(time) => time,
            Ready::Sets(_) | Ready::NeverSets => 0,
        });
        millis(blocks.sum())
    }

    /// When a timer set for that instant goes off: the clock counts whole milliseconds.
    pub(super) fn tick(&self, at: Instant) -> Instant {
        let since = at - self.story.began;
        let over = since.subsec_nanos() % 1_000_000;
        if over == 0 {
            at
        } else {
            at + millis(1) - Duration::from_nanos(u64::from(over))
        }
    }

    /// Tasks and end of what came up, and not of a start that was abandoned and ended later.
    pub(super) fn own(&self, id: usize) -> impl Iterator<Item = (Spot, What)> {
        let number = self.up(id).map_or(0, |up| up.number);
        let own = move |entry: &(Spot, What)| entry.0.number == number;
        self.members[id].iter().copied().filter(own)
    }
}

pub(super) const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// The whole story as text, for a replay.
pub(super) fn text_of(story: &Story) -> String {
    let mut text = format!("{:#?}\n{:#?}\n", story.world, story.outcome);
    for entry in &story.log {
        let at = entry.at - story.began;
        let name = match entry.id {
            id if id <= story.world.body_id() => story.world.name(id),
            id if id == story.world.outside_id() => "outside".to_owned(),
            id => format!("unit {}", id - story.world.outside_id() - 1),
        };
        let (number, what) = (entry.number, entry.what);
        text.push_str(&format!("{at:>12?} {name} [{number}] {what:?}\n"));
    }
    text
}
