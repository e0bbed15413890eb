//! Connections: few at a time, for one request each, and none for long.
//!
//! Whoever opens many of them, and asks nothing or never reads, must not keep a probe from its answer: where there are
//! too many, a new one takes the place of the oldest that has not asked yet, or else of the oldest.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, yield_now};
use tokio::time::{sleep, timeout};

use super::board::Board;
use super::routes::answer;

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
pub(super) async fn serve(listener: TcpListener, board: Arc<Board>) {
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
                open.push_back(Open::new(stream, &board));
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
    fn new(stream: TcpStream, board: &Arc<Board>) -> Self {
        let asks = Arc::<AtomicBool>::default();
        let task = tokio::spawn(converse(stream, Arc::clone(board), Arc::clone(&asks)));
        Self {
            task: task.abort_handle(),
            asks,
        }
    }
}

async fn converse(stream: TcpStream, board: Arc<Board>, asks: Arc<AtomicBool>) {
    // One that says nothing costs no more than its descriptor.
    if !matches!(timeout(HEAD, stream.readable()).await, Ok(Ok(()))) {
        return;
    }
    let service = service_fn(|request| {
        asks.store(true, Ordering::Relaxed);
        let board = &board;
        async move { Ok::<_, Infallible>(answer(board, request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(HEAD_SIZE)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    let _ = timeout(WHOLE, connection).await;
}
