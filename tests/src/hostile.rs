//! An executor whose wakers panic, or never return.

use std::future::Future as _;
use std::pin::pin;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

use lifecycle::Shutdown;

/// What a waker does when it is called.
#[derive(Clone, Copy, Debug)]
pub enum Hostile {
    /// It panics.
    Panics,
    /// It never returns.
    Blocks,
    /// It wakes the thread that polls, as it should.
    Wakes,
}

struct HostileWaker(Hostile, thread::Thread);

impl Wake for HostileWaker {
    fn wake(self: Arc<Self>) {
        match self.0 {
            Hostile::Panics => panic!("a waker panics"),
            Hostile::Blocks => loop {
                thread::park();
            },
            Hostile::Wakes => self.1.unpark(),
        }
    }
}

/// Waits for the request on a thread of its own, with wakers of that kind, and then calls `then`. Returns when it waits.
pub fn await_request(shutdown: &Shutdown, hostile: Hostile, then: impl FnOnce() + Send + 'static) {
    let requested = shutdown.requested();
    let (waits, has_registered) = sync_channel(1);
    thread::spawn(move || {
        let waker = Waker::from(Arc::new(HostileWaker(hostile, thread::current())));
        let mut context = Context::from_waker(&waker);
        let mut requested = pin!(requested);
        while requested.as_mut().poll(&mut context) == Poll::Pending {
            let _ = waits.try_send(());
            thread::park();
        }
        then();
    });
    let _ = has_registered.recv();
}
