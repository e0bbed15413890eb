//! Connections: few at a time, for one request each, and limited in time except for streams of the live picture.
//!
//! Many connections that send no request, or never read, must not keep a probe from its response: at the limit, a new
//! connection replaces the oldest one that has not sent a request yet, or else the oldest one.

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
use crate::view::admin::live_picture::Viewer;
use crate::view::admin::status::Board;

/// The number of connections at a time.
const MOST: usize = 128;
/// How many are accepted before the accepted ones are polled: few enough that they do not replace each other.
const BATCH: usize = MOST / 4;
/// How long the head of a request may take to arrive.
const HEAD: Duration = Duration::from_secs(5);
/// The largest head of a request, in bytes.
const HEAD_SIZE: usize = 16 * 1024;
/// How long a connection may take, however slowly it reads.
const WHOLE: Duration = Duration::from_secs(30);
/// How long to wait after a failed accept: no event announces when the next one can succeed.
const PAUSE: Duration = Duration::from_millis(50);

/// An open connection.
struct Open {
    task: AbortHandle,
    /// Whether it has sent a request.
    asks: Arc<AtomicBool>,
}

/// Accepts connections and serves them until the process ends.
pub(super) async fn serve(listener: TcpListener, board: Arc<Board>) {
    let mut open = VecDeque::with_capacity(MOST);
    for number in 1.. {
        match listener.accept().await {
            Ok((stream, _)) => {
                if open.len() >= MOST {
                    open.retain(|open: &Open| !open.task.is_finished());
                }
                if open.len() >= MOST {
                    replace_one(&mut open);
                }
                open.push_back(Open::new(stream, &board));
            }
            Err(_) => {
                // The process may have run out of file descriptors: free one that is held here.
                replace_one(&mut open);
                sleep(PAUSE).await;
            }
        }
        if number % BATCH == 0 {
            yield_now().await;
        }
    }
}

/// Aborts the connection that the next one replaces.
fn replace_one(open: &mut VecDeque<Open>) {
    let asks = |open: &Open| open.asks.load(Ordering::Relaxed);
    let place = open.iter().position(|open| !asks(open)).unwrap_or(0);
    if let Some(open) = open.remove(place) {
        open.task.abort();
    }
}

impl Open {
    fn new(stream: TcpStream, board: &Arc<Board>) -> Self {
        let asks = Arc::<AtomicBool>::default();
        let task = tokio::spawn(converse(stream, Arc::clone(board), Arc::clone(&asks)));
        Self {
            task: task.abort_handle(),
            asks,
        }
    }
}

/// Serves one request.
async fn converse(stream: TcpStream, board: Arc<Board>, asks: Arc<AtomicBool>) {
    // A silent connection costs its descriptor, and no buffers.
    if !matches!(timeout(HEAD, stream.readable()).await, Ok(Ok(()))) {
        return;
    }
    let viewer = OnceLock::new();
    let service = service_fn(|request| {
        asks.store(true, Ordering::Relaxed);
        let (board, viewer) = (&board, &viewer);
        async move { Ok::<_, Infallible>(answer(board, request, viewer).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(HEAD_SIZE)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    select! {
        _ = connection => {}
        () = patience(&viewer) => {}
    }
}

/// Returns when the time of a connection is over. A stream of pictures may stay while it takes at least one in each
/// `WHOLE`: pictures are drawn far more often than that.
async fn patience(viewer: &OnceLock<Viewer>) {
    sleep(WHOLE).await;
    if let Some(takes) = viewer.get().and_then(Viewer::takes) {
        while timeout(WHOLE, takes.notified()).await.is_ok() {}
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;
    use crate::view::admin::live_picture::LivePicture;

    #[tokio::test(start_paused = true)]
    async fn a_request_has_its_time_and_a_stream_has_it_again_with_each_picture() {
        let begun = Instant::now();
        patience(&OnceLock::new()).await;
        assert_eq!(begun.elapsed(), WHOLE);

        let viewer = OnceLock::from(Viewer::new(&Arc::<LivePicture>::default()));
        let begun = Instant::now();
        patience(&viewer).await;
        assert_eq!(
            begun.elapsed(),
            WHOLE,
            "a viewer of one picture has no more time"
        );

        let takes = viewer.get().and_then(Viewer::stay).expect("there is room");
        let begun = Instant::now();
        let reads = async {
            for _ in 0..10 {
                sleep(WHOLE - Duration::from_secs(1)).await;
                takes.notify_one();
            }
        };
        let ((), ()) = tokio::join!(reads, patience(&viewer));
        assert_eq!(
            begun.elapsed(),
            (WHOLE - Duration::from_secs(1)) * 10 + WHOLE
        );
    }

    #[test]
    fn places_for_streams_are_few_and_are_returned() {
        let live_picture = Arc::<LivePicture>::default();
        let follow = || {
            let viewer = Viewer::new(&live_picture);
            viewer.stay().map(|_| viewer)
        };
        let mut viewers: Vec<Viewer> = std::iter::from_fn(follow).collect();
        assert_eq!(viewers.len(), 16);
        viewers.pop();
        assert!(follow().is_some());
    }
}
