//! The adapters of streams, driven by a scope without an app.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use futures_util::{FutureExt as _, Stream, StreamExt as _, stream};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::Instant;

use self::world::{LETTERS, LONG, World, letters, only, saved, saved_within, take};
use super::*;

mod finishing;
mod world;

#[tokio::test(start_paused = true)]
async fn the_received_items_are_saved_at_any_interruption() {
    for count in 0..=LETTERS.len() {
        let world = World::new();
        let (mut stream, saves) = saved(letters(), &world);
        let received = take(&mut stream, count).await;
        world.drain();
        assert_eq!(stream.collect::<String>().await, "!");
        assert_eq!(only(saves).await, (received, InterruptReason::Shutdown));
        world.idle().await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_item_yielded_during_the_stop_request_is_received_and_saved() {
    for last in 0..LETTERS.len() {
        let world = World::new();
        let scope = Arc::clone(&world.scope);
        let requesting = letters().enumerate().map(move |(index, letter)| {
            if index == last {
                scope.request_stop(Instant::now() + LONG, Instant::now() + LONG);
            }
            letter
        });
        let (stream, saves) = saved(requesting, &world);
        let received: String = stream.collect().await;
        let (text, why) = only(saves).await;
        assert_eq!(received, format!("{text}!"));
        assert_eq!((text.len(), why), (last + 1, InterruptReason::Shutdown));
    }
}

#[tokio::test(start_paused = true)]
async fn a_waiting_consumer_is_woken_and_the_inner_stream_dropped_before_the_save_ends() {
    let world = World::new();
    let (taken, mut of_inner) = mpsc::unbounded_channel();
    let inner = letters().inspect(move |letter| {
        let _ = taken.send(*letter);
    });
    let (release, released) = tokio::sync::oneshot::channel::<()>();
    let stream = inner
        .interruptible(&world.shutdown())
        .collecting(String::new(), |text, letter| text.push_str(letter))
        .on_interrupt(async move |text: String, _| {
            released.await.expect("the test lets it go on");
            (text == "abcde").then_some("!")
        });
    let consumer = tokio::spawn(stream.collect::<String>());
    for letter in LETTERS {
        assert_eq!(of_inner.recv().await, Some(letter));
    }
    world.drain();
    // The inner stream is dropped.
    assert_eq!(of_inner.recv().await, None);
    assert_eq!(world.scope.app.admission.in_flight(), 1);
    release.send(()).expect("the save waits");
    assert_eq!(consumer.await.expect("it ends"), "abcde!");
    world.idle().await;
}

#[tokio::test(start_paused = true)]
async fn a_consumer_that_stops_polling_does_not_delay_the_save() {
    let world = World::new();
    let (mut stream, saves) = saved(letters(), &world);
    assert_eq!(take(&mut stream, 2).await, "ab");
    world.drain();
    assert_eq!(
        only(saves).await,
        ("ab".to_owned(), InterruptReason::Shutdown)
    );
    world.idle().await;
    assert_eq!(take(&mut stream, 9).await, "!");
}

#[tokio::test(start_paused = true)]
async fn the_received_items_are_saved_when_the_consumer_is_dropped() {
    for count in 0..=LETTERS.len() {
        let world = World::new();
        let (mut stream, saves) = saved(letters(), &world);
        let received = take(&mut stream, count).await;
        drop(stream);
        assert_eq!(only(saves).await, (received, InterruptReason::ConsumerGone));
        world.idle().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_drop_at_the_stop_request_is_saved_once_with_the_first_reason() {
    for count in 0..=LETTERS.len() {
        for requested_first in [true, false] {
            let world = World::new();
            let (mut stream, saves) = saved(letters(), &world);
            let received = take(&mut stream, count).await;
            let why = if requested_first {
                world.drain();
                drop(stream);
                InterruptReason::Shutdown
            } else {
                drop(stream);
                world.drain();
                InterruptReason::ConsumerGone
            };
            assert_eq!(only(saves).await, (received, why));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_drop_during_the_save_does_not_end_it() {
    let world = World::new();
    let (started, begun) = tokio::sync::oneshot::channel();
    let (saved, mut saves) = mpsc::unbounded_channel();
    let stream = letters()
        .interruptible(&world.shutdown())
        .collecting((), |(), _| ())
        .on_interrupt(async move |(), why| {
            started.send(()).expect("the test listens");
            tokio::time::sleep(Duration::from_secs(1)).await;
            saved.send(why).expect("the test listens");
            Some("!")
        });
    world.drain();
    begun.await.expect("it begins");
    drop(stream);
    assert_eq!(saves.recv().await, Some(InterruptReason::Shutdown));
    world.idle().await;
}

#[tokio::test]
async fn a_drop_outside_of_any_runtime_is_saved() {
    let world = World::new();
    let (mut stream, saves) = saved(letters(), &world);
    assert_eq!(take(&mut stream, 3).await, "abc");
    thread::scope(|scope| {
        scope.spawn(move || {
            Handle::try_current().expect_err("no runtime is entered here");
            drop(stream);
        });
    });
    assert_eq!(
        only(saves).await,
        ("abc".to_owned(), InterruptReason::ConsumerGone)
    );
    world.idle().await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_created_while_draining_ends_at_once_through_its_save() {
    for requested in [true, false] {
        let world = World::new();
        world.scope.app.admission.close();
        if requested {
            world.request_stop();
        }
        let polled = AtomicUsize::new(0);
        let inner = letters().inspect(|_| {
            polled.fetch_add(1, Ordering::Relaxed);
        });
        let (stream, saves) = saved(inner, &world);
        assert_eq!(stream.collect::<String>().await, "!");
        assert_eq!(
            only(saves).await,
            (String::new(), InterruptReason::Shutdown)
        );
        assert_eq!(polled.load(Ordering::Relaxed), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_ends_by_itself_is_not_saved_and_is_fused() {
    let world = World::new();
    // An inner stream that begins again when it is polled after its end.
    let mut rest = LETTERS.iter().copied().map(Some).chain([None]).cycle();
    let inner = stream::poll_fn(move |_| Poll::Ready(rest.next().flatten()));
    let (mut stream, mut saves) = saved(inner, &world);
    assert_eq!(take(&mut stream, 9).await, "abcde");
    assert_eq!(saves.recv().await, None);
    world.idle().await;
    world.request_stop();
    assert_eq!(stream.next().await, None);
    assert_eq!(stream.size_hint(), (0, Some(1)));
    drop(stream);
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_next_loses_no_item() {
    let world = World::new();
    let (send, mut receive) = mpsc::unbounded_channel();
    let inner = stream::poll_fn(move |context| receive.poll_recv(context));
    let (mut stream, saves) = saved(inner, &world);
    let mut received = String::new();
    for letter in LETTERS {
        assert_eq!(stream.next().now_or_never(), None);
        send.send(letter).expect("the stream is there");
        received.push_str(stream.next().await.expect("it goes on"));
    }
    drop(stream);
    assert_eq!(only(saves).await, (received, InterruptReason::ConsumerGone));
}

#[tokio::test(start_paused = true)]
async fn a_save_that_panics_is_reported_and_ends_the_stream() {
    let mut world = World::new();
    let stream = letters()
        .interruptible(&world.shutdown())
        .collecting((), |(), _| ())
        .on_interrupt(async move |(), _| panic!("no disk"));
    world.drain();
    assert_eq!(stream.collect::<String>().await, "");
    world.idle().await;
    let reported = world.panics.recv().await;
    assert_eq!(reported.as_deref(), Some("the save of a stream: no disk"));
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_the_inner_stream_or_the_collector_leads_to_the_save() {
    let world = World::new();
    let inner = letters().map(|letter| match letter {
        "c" => panic!("the model has gone"),
        letter => letter,
    });
    let (mut stream, saves) = saved(inner, &world);
    let consumer = tokio::spawn(async move { while stream.next().await.is_some() {} });
    consumer.await.expect_err("it panics");
    assert_eq!(
        only(saves).await,
        ("ab".to_owned(), InterruptReason::ConsumerGone)
    );

    let (save, mut saves) = mpsc::unbounded_channel();
    let mut stream = letters()
        .interruptible(&world.shutdown())
        .collecting(0, |count, _| {
            *count += 1;
            assert!(*count < 3, "too many");
        })
        .on_interrupt(async move |count, why| {
            save.send((count, why)).expect("the test listens");
            None
        });
    let consumer = tokio::spawn(async move { while stream.next().await.is_some() {} });
    consumer.await.expect_err("it panics");
    assert_eq!(saves.recv().await, Some((3, InterruptReason::ConsumerGone)));
    world.idle().await;
}

#[test]
fn a_dropped_runtime_ends_the_stream_and_its_admission() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    let entered = runtime.enter();
    let world = World::new();
    let (mut begun, mut saves) = saved(letters(), &world);
    runtime.block_on(async { assert_eq!(take(&mut begun, 2).await, "ab") });
    drop(entered);
    drop(runtime);
    let (late, mut none) = saved(letters(), &world);
    let ends = async {
        assert_eq!(begun.collect::<String>().await, "");
        assert_eq!(late.collect::<String>().await, "");
        assert_eq!((saves.recv().await, none.recv().await), (None, None));
    };
    ends.now_or_never().expect("nothing is waited for");
    assert_eq!(world.scope.app.admission.in_flight(), 0);
}

/// Counts wake-ups.
#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_runtime_dropped_during_a_poll_wakes_the_consumer() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    let entered = runtime.enter();
    let world = World::new();
    drop(entered);
    let mut runtime = Some(runtime);
    let inner = stream::poll_fn(move |_| {
        drop(runtime.take());
        Poll::Pending
    });
    let (mut stream, _saves) = saved(inner, &world);
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));
    let mut context = Context::from_waker(&waker);
    assert_eq!(stream.poll_next_unpin(&mut context), Poll::Pending);
    assert_eq!(woken.0.load(Ordering::Relaxed), 1);
    assert_eq!(stream.poll_next_unpin(&mut context), Poll::Ready(None));
}

#[tokio::test(start_paused = true)]
async fn an_interruptible_stream_ends_when_a_stop_is_requested() {
    for count in 0..=LETTERS.len() {
        let world = World::new();
        let mut stream = letters().interruptible(&world.shutdown());
        assert_eq!(take(&mut stream, count).await, LETTERS[..count].concat());
        assert_eq!(world.scope.app.admission.in_flight(), 1);
        world.drain();
        assert_eq!(stream.next().await, None);
        world.idle().await;
        assert_eq!(stream.next().await, None);
        assert_eq!(stream.size_hint(), (0, Some(0)));
    }
}

#[tokio::test(start_paused = true)]
async fn an_interruptible_stream_wakes_its_consumer_and_is_refused_while_draining() {
    let world = World::new();
    let stream = letters().interruptible(&world.shutdown());
    let consumer = tokio::spawn(stream.collect::<String>());
    tokio::time::sleep(Duration::from_secs(1)).await;
    world.drain();
    assert_eq!(consumer.await.expect("it ends"), "abcde");
    let late = letters().interruptible(&world.shutdown());
    assert_eq!(late.collect::<String>().await, "");
    let ended = stream::iter(LETTERS).interruptible(&World::new().shutdown());
    assert_eq!(ended.size_hint(), (0, Some(5)));
    assert_eq!(ended.collect::<String>().await, "abcde");
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_ended_before_it_was_collected_is_not_saved() {
    let world = World::new();
    let mut first = stream::iter(LETTERS).interruptible(&world.shutdown());
    assert_eq!(take(&mut first, 9).await, "abcde");
    world.drain();
    let stream = first
        .collecting((), |(), _| ())
        .on_interrupt(async |(), _| panic!("it is saved"));
    assert_eq!(stream.collect::<String>().await, "");
}

/// Other threads request a stop, drop the stream, or both, while it is polled: what was received has been saved, once.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_drops_and_stop_requests_save_the_received_items_once() {
    for round in 0..2_000 {
        // With this margin the interruption is due as soon as the stop is requested.
        let margin = (round % 3 == 0).then_some(LONG);
        let world = World::new();
        let inner = stream::unfold(0, |count| async move {
            if fastrand::u8(..4) == 0 {
                tokio::task::yield_now().await;
            }
            Some((LETTERS[count % 5], count + 1))
        });
        let (stream, saves) = saved_within(margin, Box::pin(inner), &world);
        let consumer = tokio::spawn(async move {
            let mut stream = stream;
            let mut received = String::new();
            let drop_at = if round % 2 == 0 {
                fastrand::usize(..40)
            } else {
                usize::MAX
            };
            while received.len() < drop_at {
                match stream.next().await {
                    Some(item) => received.push_str(item),
                    None => break,
                }
            }
            received
        });
        let scope = Arc::clone(&world.scope);
        let requester = tokio::spawn(async move {
            for _ in 0..fastrand::u8(..8) {
                tokio::task::yield_now().await;
            }
            scope.app.admission.close();
            scope.request_stop(Instant::now() + LONG, Instant::now() + LONG);
        });
        let received = consumer.await.expect("it does not panic");
        requester.await.expect("it does not panic");
        let (text, why) = only(saves).await;
        assert_eq!(received.trim_end_matches('!'), text, "round {round}");
        assert!(
            why == InterruptReason::Shutdown || !received.ends_with('!'),
            "round {round}"
        );
        world.idle().await;
    }
}
