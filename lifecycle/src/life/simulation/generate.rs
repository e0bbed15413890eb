//! Random worlds.

use fastrand::Rng;

use super::world::{
    Act, Body, Call, Destructor, End, Every, Outside, Ready, Resource, Unit, Worker, World,
};
use crate::api::background_policy::{EndAction, RestartPolicy};

/// How a world's members differ from each other, and how much goes wrong.
struct Odds {
    /// Of a hundred hooks so many misbehave.
    faults: u32,
    /// The same for starts: few, so that worlds come up.
    start_faults: u32,
    orders: bool,
    timeouts: bool,
    threads: bool,
    emergencies: bool,
    destructors: bool,
    tasks: bool,
}

fn percent(random: &mut Rng, percent: u32) -> bool {
    random.u32(0..100) < percent
}

fn any<T: Copy>(random: &mut Rng, of: &[T]) -> T {
    of[random.usize(0..of.len())]
}

/// Small ones mostly, up to 200 components.
pub(super) fn world(random: &mut Rng) -> World {
    let members = match random.u32(0..100) {
        0..60 => random.usize(1..8),
        60..88 => random.usize(8..30),
        88..97 => random.usize(30..90),
        _ => random.usize(90..=200),
    };
    world_of(random, members)
}

pub(super) fn world_of(random: &mut Rng, members: usize) -> World {
    let odds = Odds {
        faults: any(random, &[0, 5, 15, 40]),
        start_faults: any(random, &[0, 0, 100, 300]) / u32::try_from(members + 2).unwrap_or(1),
        orders: random.bool(),
        timeouts: random.bool(),
        threads: percent(random, 8),
        emergencies: percent(random, 25),
        destructors: percent(random, 15),
        tasks: percent(random, 30),
    };
    let workers = if percent(random, 60) {
        random.usize(0..=members.min(40))
    } else {
        0
    };
    let shutdown = random.u64(4_000..30_000);
    let reserve = random.u64(1_000..2_000);
    let mut world = World {
        shutdown,
        reserve,
        drain: random.u64(50..4_000),
        lame_duck: if percent(random, 25) {
            random.u64(1..1_500)
        } else {
            0
        },
        startup: if percent(random, 5) {
            random.u64(1..2_000)
        } else {
            300_000
        },
        linger: random.u64(0..3_000) * random.u64(0..2),
        jitter: random.f64(),
        ..World::of(Vec::new())
    };
    let per_order = random.usize(1..9);
    for id in 0..members - workers {
        let resource = resource(random, &odds, id, per_order);
        world.resources.push(resource);
    }
    for _ in 0..workers {
        let worker = worker(random, &odds);
        world.workers.push(worker);
    }
    let blocks = |worker: &Worker| matches!(worker.ready, Ready::FirstPoll(1..));
    if world.workers.iter().any(blocks) {
        // Where the driver is late, no restart is to depend on when exactly it goes on.
        let windows = world.workers.iter_mut().map(|worker| &mut worker.within);
        windows.for_each(|within| *within = 60_000);
    }
    if random.bool() {
        world.body = Some(Body {
            call: until_stop(random, &odds),
            tasks: tasks(random, &odds),
        });
    }
    if percent(random, 30) {
        for _ in 0..random.usize(1..6) {
            world.units.push(Unit {
                at: random.u64(0..4_000),
                length: percent(random, 85).then(|| random.u64(0..3_000)),
                more: percent(random, 20).then(|| random.u64(0..1_000)),
            });
        }
    }
    add_outside_events(random, &mut world);
    world
}

/// What happens from outside: nothing but the request to stop in half of the worlds.
fn add_outside_events(random: &mut Rng, world: &mut World) {
    let at = |random: &mut Rng| match random.u32(0..4) {
        0 => 0,
        1 => random.u64(0..300),
        _ => random.u64(0..5_000),
    };
    if random.bool() {
        let first = any(
            random,
            &[
                Outside::Stop,
                Outside::Signal(15),
                Outside::Signal(2),
                Outside::Fail,
                Outside::Hangup,
            ],
        );
        world.outside.push((at(random), first));
    }
    if percent(random, 15) {
        let signal = any(random, &[2, 15]);
        world.outside.push((at(random), Outside::Forced(signal)));
        if percent(random, 20) {
            world
                .outside
                .push((at(random), Outside::Forced(17 - signal)));
        }
    }
    if percent(random, 5) {
        let code = any(random, &[0, 7]);
        world.outside.push((at(random), Outside::Exited(code)));
    }
    if percent(random, 5) {
        world.outside.push((at(random), Outside::Fail));
    }
}

/// What a hook that is to do something and end does.
fn act(random: &mut Rng, faults: u32) -> Act {
    let after = match random.u32(0..10) {
        0..5 => 0,
        5..9 => random.u64(1..400),
        _ => random.u64(1..3_000),
    };
    if !percent(random, faults) {
        return Act::ends(after, End::Ok);
    }
    match random.u32(0..8) {
        0..2 => Act::ends(after, End::Fail),
        2 => Act::ends(after, End::Disconnect),
        3 => Act::ends(after, End::Panic),
        4..6 => Act::NEVER,
        // Slow enough for whatever bounds it.
        6 => Act::ends(random.u64(1_000..10_000), End::Ok),
        _ => Act::ends(random.u64(1_000..10_000), End::Fail),
    }
}

fn call(random: &mut Rng, odds: &Odds, faults: u32) -> Call {
    let act = act(random, faults);
    Call {
        thread: odds.threads && percent(random, 15),
        bomb: percent(random, faults / 4),
        ..Call::of(act)
    }
}

/// What goes on until it is asked to stop, mostly.
fn until_stop(random: &mut Rng, odds: &Odds) -> Call {
    let first = if percent(random, 15 + odds.faults / 4) {
        act(random, odds.faults)
    } else {
        Act::NEVER
    };
    Call {
        act: first,
        on_stop: (!percent(random, odds.faults / 2)).then(|| act(random, odds.faults)),
        thread: odds.threads && percent(random, 15),
        bomb: percent(random, odds.faults / 4),
    }
}

fn tasks(random: &mut Rng, odds: &Odds) -> Vec<Call> {
    if !odds.tasks || random.bool() {
        return Vec::new();
    }
    let task = |random: &mut Rng| Call {
        thread: false,
        ..until_stop(random, odds)
    };
    (0..random.usize(1..4)).map(|_| task(random)).collect()
}

fn resource(random: &mut Rng, odds: &Odds, id: usize, per_order: usize) -> Resource {
    let mut needs: Vec<usize> = (0..random.usize(0..4))
        .filter(|_| id > 0)
        .map(|_| random.usize(0..id))
        .collect();
    needs.sort_unstable();
    needs.dedup();
    let order = (odds.orders && !percent(random, 30))
        .then(|| i32::try_from(id / per_order).unwrap_or_default());
    let retries = if percent(random, 20) {
        random.u32(1..4)
    } else {
        0
    };
    let takes_shutdown = percent(random, 20);
    let mut starts: Vec<Call> = (0..random.usize(0..=retries as usize))
        .map(|_| call(random, odds, 80))
        .collect();
    let mut last = call(random, odds, odds.start_faults.min(50));
    if last.act.end == End::Fail && random.bool() {
        last.act.end = End::Config;
    }
    starts.push(last);
    for start in &mut starts {
        start.on_stop = takes_shutdown
            .then(|| act(random, odds.faults))
            .filter(|_| random.bool());
    }
    let mut stop = call(random, odds, odds.faults);
    if stop.act.end == End::Fail && percent(random, 20) {
        stop.act.end = End::Expected;
    }
    Resource {
        order,
        needs,
        timeout: (odds.timeouts && random.bool()).then(|| random.u64(100..2_000)),
        start_timeout: random.u64(300..3_000),
        retries,
        backoff: random.u64(0..300),
        takes_shutdown,
        starts,
        stop: (!percent(random, 15)).then_some(stop),
        emergency: (odds.emergencies && percent(random, 30)).then(|| percent(random, odds.faults)),
        tasks: tasks(random, odds),
        destructor: match random.u32(0..100) {
            _ if !odds.destructors => Destructor::None,
            0..50 => Destructor::None,
            50..85 => Destructor::Quick,
            85..95 if percent(random, odds.faults) => Destructor::Panic,
            // Where shares and timeouts mix, a plan may round a share down, which would not show here.
            _ if !odds.timeouts && percent(random, odds.faults) => {
                Destructor::Slow(random.u64(1..2_000))
            }
            _ => Destructor::Quick,
        },
    }
}

fn worker(random: &mut Rng, odds: &Odds) -> Worker {
    let on_end = |random: &mut Rng, shutdown| {
        if percent(random, shutdown) {
            EndAction::Shutdown
        } else {
            EndAction::Ignore
        }
    };
    let periodic = percent(random, 20);
    let every = periodic.then(|| Every {
        period: random.u64(50..2_000),
        immediate: random.bool(),
        run_timeout: percent(random, 30).then(|| random.u64(50..1_000)),
        max_failures: random.bool().then(|| random.u32(1..4)),
    });
    let runs = (0..random.usize(1..4))
        .map(|_| {
            if periodic {
                let mut run = call(random, odds, odds.faults);
                run.on_stop =
                    (run.act.end == End::Never || random.bool()).then(|| act(random, odds.faults));
                run
            } else {
                until_stop(random, odds)
            }
        })
        .collect();
    let mut worker = Worker {
        order: (odds.orders && random.bool()).then(|| random.i32(-2..3)),
        timeout: (odds.timeouts && random.bool()).then(|| random.u64(50..1_500)),
        start_timeout: random.u64(300..3_000),
        ready: match random.u32(0..100) {
            0..15 if !periodic => Ready::Sets(random.u64(0..250)),
            15 if percent(random, odds.start_faults.min(50)) => Ready::NeverSets,
            16..20 if odds.faults > 0 && !odds.threads => Ready::FirstPoll(random.u64(1..200)),
            _ => Ready::FirstPoll(0),
        },
        every,
        restart: any(
            random,
            &[
                RestartPolicy::Never,
                RestartPolicy::OnFailure,
                RestartPolicy::Always,
            ],
        ),
        max_restarts: random.u32(1..5),
        within: random.u64(500..60_000),
        backoff: random.u64(1..800),
        on_failure: on_end(random, 40),
        on_finish: on_end(random, 20),
        runs,
        tasks: tasks(random, odds),
        asks: percent(random, odds.faults / 8).then(|| {
            let what = any(random, &[Outside::Fail, Outside::Stop]);
            (random.u64(0..3_000), what)
        }),
    };
    // The end of a thread that was abandoned would be mistaken for that of the run that followed.
    if every.is_some_and(|every| every.run_timeout.is_some()) || worker.ready == Ready::NeverSets {
        for run in &mut worker.runs {
            run.thread = false;
        }
    }
    worker
}
