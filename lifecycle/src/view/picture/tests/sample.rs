//! A life of any number of components that start and stop in every way there is.

use std::time::Duration;

use crate::api::cleanup_layer::CleanupLayer;
use crate::base::duration::exact;
use crate::life::track::{Activity, Mark, Span};
use crate::report::timeline::{Kind, Row, Timeline};

const SECOND: Duration = Duration::from_secs(1);

pub(super) const SIZES: [usize; 3] = [5, 50, 500];

fn millis(millis: usize) -> Duration {
    Duration::from_millis(u64::try_from(millis).expect("it is short"))
}

/// A number below `below` that looks random.
fn odd(seed: usize, below: usize) -> usize {
    (seed + 1).wrapping_mul(2_654_435_761) / 7 % below
}

/// Returns the life and when it ended. Components start in a few chains side by side, run for an hour and stop in
/// reverse; every cleanup layer is among them.
pub(super) fn life(count: usize) -> (Timeline, Duration) {
    const NAMES: [&str; 10] = [
        "config",
        "database",
        "cache",
        "model",
        "index",
        "http_listener",
        "sessions",
        "mailer",
        "serve",
        "expire_sessions",
    ];
    let chains = (count / 8).max(2);
    let workers = (count / 5).max(1);
    let mut rows: Vec<Row> = Vec::new();
    let mut up: Vec<Duration> = Vec::new();
    let resources = count - workers;
    for place in 0..count {
        let is_worker = place >= resources;
        let before = if is_worker {
            (0..resources).max_by_key(|place| up[*place])
        } else {
            place.checked_sub(chains)
        };
        let begin = before.map_or(Duration::ZERO, |before| up[before]);
        let took = millis(20 + odd(place, 40).pow(2));
        let name = match place / NAMES.len() {
            0 => NAMES[place].to_owned(),
            again => format!("{}_{again}", NAMES[place % NAMES.len()]),
        };
        let mut spans = vec![span(Activity::Waiting, Duration::ZERO, begin)];
        if place % 9 == 4 {
            let third = took / 3;
            spans.push(span(Activity::Starting(1), begin, begin + third));
            spans.push(span(Activity::Backoff, begin + third, begin + 2 * third));
            spans.push(span(Activity::Starting(2), begin + 2 * third, begin + took));
        } else {
            spans.push(span(Activity::Starting(1), begin, begin + took));
        }
        up.push(begin + took);
        rows.push(Row {
            name,
            kind: if is_worker {
                Kind::Worker
            } else {
                Kind::Resource
            },
            layer: Some(CleanupLayer::Safe),
            is_up: true,
            note: String::new(),
            spans,
            start_after: before,
            stop_after: None,
        });
    }
    let is_up = up.iter().max().copied().unwrap_or_default();
    let cause = is_up + 3600 * SECOND;
    let drain = cause + SECOND;
    let mut ends = vec![Duration::ZERO; count];
    for place in (resources..count).rev() {
        let end = drain + millis(100 + odd(place * 31, 900));
        rows[place]
            .spans
            .push(span(Activity::Running, up[place], drain));
        rows[place].spans.push(span(Activity::Draining, drain, end));
        ends[place] = end;
    }
    if let Some(late) = (resources..count).next_back() {
        let end = drain + 3 * SECOND / 2;
        rows[late].layer = Some(CleanupLayer::Timeout);
        rows[late].note = "did not end within 1.5s".to_owned();
        rows[late].spans.last_mut().expect("its drain").end = end;
        ends[late] = end;
    }
    let stop = ends.iter().max().copied().unwrap_or_default() + millis(200);
    for place in (0..resources).rev() {
        let after = Some(place + chains).filter(|after| *after < resources);
        let begin = after.map_or(stop, |after| ends[after]);
        let mut end = begin + millis(10 + odd(place * 17, 30).pow(2));
        let row = &mut rows[place];
        row.stop_after = after;
        row.spans.push(span(Activity::Running, up[place], stop));
        row.spans.push(span(Activity::WaitingToStop, stop, begin));
        match place % 11 {
            1 => {
                end += millis(500);
                let ended = end + millis(300);
                row.layer = Some(CleanupLayer::Emergency);
                row.note = "its stop did not end within 500ms".to_owned();
                row.spans.push(span(Activity::Stopping, begin, end));
                row.spans
                    .push(span(Activity::WaitingForEmergency, end, end + millis(60)));
                row.spans
                    .push(span(Activity::Emergency, end + millis(60), ended));
                end = ended;
            }
            2 => {
                end += millis(400);
                row.layer = Some(CleanupLayer::Timeout);
                row.note = "its tasks were cancelled: flush".to_owned();
                row.spans.push(span(Activity::Stopping, begin, end));
            }
            _ => row.spans.push(span(Activity::Stopping, begin, end)),
        }
        row.spans
            .push(span(Activity::Dropping, end, end + millis(20)));
        ends[place] = end + millis(20);
    }
    let end = ends.iter().max().copied().unwrap_or_default() + millis(2);
    let timeline = Timeline {
        app: "Agent".to_owned(),
        lines: vec![format!(
            "`Agent` stopped with exit code 3 in {} of 25s (SIGTERM)",
            exact(end - cause)
        )],
        cause: "SIGTERM".to_owned(),
        forced: None,
        marks: vec![
            (Mark::Up, is_up),
            (Mark::Cause, cause),
            (Mark::LameDuck, cause),
            (Mark::Drain, drain),
            (Mark::Stop, stop),
            (Mark::End, end),
            (Mark::Deadline, cause + 25 * SECOND),
        ],
        reserve: 2 * SECOND,
        rows,
    };
    (timeline, end)
}

pub(super) fn span(activity: Activity, begin: Duration, end: Duration) -> Span {
    Span {
        activity,
        begin,
        end,
    }
}
