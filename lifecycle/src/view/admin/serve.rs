//! Connections: few at a time, for one request each, and none for long but those that follow the live picture.
//!
//! Whoever opens many of them, and asks nothing or never reads, must not keep a probe from its answer: where there are
//! too many, a new one takes the place of the oldest that has not asked yet, or else of the oldest.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::select;
use tokio::task::{AbortHandle, yield_now};
use tokio::time::{sleep, timeout};

use super::routes::answer;
use crate::view::admin::endpoints::Endpoints;
use crate::view::admin::live_picture::Looker;

/// Connections at a time.
const MOST: usize = 128;
/// So many are accepted before they have their turn: few enough that none of them pushes out another.
const BATCH: usize = MOST / 4;
/// What the head of a request may take to come.
const HEAD: Duration = Duration::from_secs(5);
/// How large it may be, in bytes.
const HEAD_SIZE: usize = 16 * 1024;
/// What a connection may take, however slowly it reads.
const WHOLE: Duration = Duration::from_secs(30);
/// How long to wait where a connection cannot be accepted: no event tells when it can be.
const PAUSE: Duration = Duration::from_millis(50);

/// A connection that is open.
struct Open {
    task: AbortHandle,
    /// Whether it has asked for something.
    asks: Arc<AtomicBool>,
}

/// Accepts and answers, until the process is gone.
pub(super) async fn serve(listener: TcpListener, endpoints: Arc<Endpoints>) {
    let mut open = VecDeque::with_capacity(MOST);
    for number in 1.. {
        match listener.accept().await {
            Ok((stream, _)) => {
                if open.len() >= MOST {
                    open.retain(|open: &Open| !open.task.is_finished());
                }
                if open.len() >= MOST {
                    push_one_out(&mut open);
                }
                open.push_back(Open::new(stream, &endpoints));
            }
            Err(_) => {
                // Perhaps there are no descriptors left: then one that is held here is given up.
                push_one_out(&mut open);
                sleep(PAUSE).await;
            }
        }
        if number % BATCH == 0 {
            yield_now().await;
        }
    }
}

fn push_one_out(open: &mut VecDeque<Open>) {
    let asks = |open: &Open| open.asks.load(Ordering::Relaxed);
    let place = open.iter().position(|open| !asks(open)).unwrap_or(0);
    if let Some(open) = open.remove(place) {
        open.task.abort();
    }
}

impl Open {
    fn new(stream: TcpStream, endpoints: &Arc<Endpoints>) -> Self {
        let asks = Arc::<AtomicBool>::default();
        let task = tokio::spawn(converse(stream, Arc::clone(endpoints), Arc::clone(&asks)));
        Self {
            task: task.abort_handle(),
            asks,
        }
    }
}

async fn converse(stream: TcpStream, endpoints: Arc<Endpoints>, asks: Arc<AtomicBool>) {
    // One that says nothing costs no more than its descriptor.
    if !matches!(timeout(HEAD, stream.readable()).await, Ok(Ok(()))) {
        return;
    }
    let looker = OnceLock::new();
    let service = service_fn(|request| {
        asks.store(true, Ordering::Relaxed);
        let (endpoints, looker) = (&*endpoints, &looker);
        async move { Ok::<_, Infallible>(answer(endpoints, request, looker).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(HEAD_SIZE)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    select! {
        _ = connection => {}
        () = patience(&looker) => {}
    }
}

/// Returns when a connection has had its time. One that gets pictures may stay for as long as it takes them, the first of
/// which comes at once, and the others before this is over again.
async fn patience(looker: &OnceLock<Looker>) {
    sleep(WHOLE).await;
    if let Some(takes) = looker.get().and_then(Looker::takes) {
        while timeout(WHOLE, takes.notified()).await.is_ok() {}
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;
    use crate::plan::Plan;
    use crate::plan::selection::Parts;

    fn endpoints() -> Endpoints {
        let Ok(plan) = Plan::new(Parts::default()) else {
            panic!("there is nothing in it that could be wrong");
        };
        Endpoints::new(&plan)
    }

    #[tokio::test(start_paused = true)]
    async fn who_only_asks_has_its_time_and_who_follows_has_it_again_with_each_picture() {
        let begun = Instant::now();
        patience(&OnceLock::new()).await;
        assert_eq!(begun.elapsed(), WHOLE);

        let endpoints = endpoints();
        let looker = OnceLock::from(Looker::new(&endpoints.live_picture));
        let begun = Instant::now();
        patience(&looker).await;
        assert_eq!(begun.elapsed(), WHOLE, "it looked once");

        let takes = looker.get().and_then(Looker::stay).expect("there is room");
        let begun = Instant::now();
        let reads = async {
            for _ in 0..10 {
                sleep(WHOLE - Duration::from_secs(1)).await;
                takes.notify_one();
            }
        };
        let ((), ()) = tokio::join!(reads, patience(&looker));
        assert_eq!(
            begun.elapsed(),
            (WHOLE - Duration::from_secs(1)) * 10 + WHOLE
        );
    }

    #[test]
    fn places_are_few_and_are_given_back() {
        let endpoints = endpoints();
        let follow = || {
            let looker = Looker::new(&endpoints.live_picture);
            looker.stay().map(|_| looker)
        };
        let mut lookers: Vec<Looker> = std::iter::from_fn(follow).collect();
        assert_eq!(lookers.len(), 16);
        lookers.pop();
        assert!(follow().is_some());
    }
}
