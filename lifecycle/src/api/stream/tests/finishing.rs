//! Streams that may finish while there is time.

use super::*;
use crate::api::stream::save::SAVE;

const SECOND: Duration = Duration::from_secs(1);
const MARGIN: Duration = Duration::from_secs(3);

/// A letter each second: so many of them, or without an end.
fn slow(letters: Option<usize>) -> impl Stream<Item = &'static str> + Unpin {
    let all = LETTERS.iter().copied().cycle();
    let letters = stream::iter(all.take(letters.unwrap_or(usize::MAX)));
    Box::pin(letters.then(|letter| async move {
        tokio::time::sleep(SECOND).await;
        letter
    }))
}

#[tokio::test(start_paused = true)]
async fn a_stream_goes_on_until_exactly_its_margin_remains() {
    // A stop is requested before, between and after items.
    for requested_at in [Duration::ZERO, SECOND / 2, 5 * SECOND / 2] {
        let world = World::new();
        let (stream, saves) = saved_within(Some(MARGIN), slow(None), &world);
        let began = Instant::now();
        let consumer = tokio::spawn(stream.collect::<String>());
        tokio::time::sleep(requested_at).await;
        world.scope.app.admission.close();
        world.request_stop_within(10 * SECOND + SECOND / 4);
        let (text, why) = only(saves).await;
        let due = requested_at + 7 * SECOND + SECOND / 4;
        // A timer fires at the next whole millisecond.
        assert!((due..due + SECOND / 500).contains(&began.elapsed()));
        assert_eq!(text.len() as u64, due.as_secs());
        assert_eq!(why, InterruptReason::Shutdown);
        assert_eq!(consumer.await.expect("it ends"), format!("{text}!"));
        world.idle().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_ends_in_time_is_not_saved() {
    let world = World::new();
    let (stream, mut saves) = saved_within(Some(MARGIN), slow(Some(5)), &world);
    world.scope.app.admission.close();
    world.request_stop_within(10 * SECOND);
    assert_eq!(stream.collect::<String>().await, "abcde");
    assert_eq!(saves.recv().await, None);
    world.idle().await;
}

#[tokio::test(start_paused = true)]
async fn a_time_within_the_margin_interrupts_at_once() {
    for time in [Duration::ZERO, SECOND, MARGIN] {
        let world = World::new();
        let (mut stream, saves) = saved_within(Some(MARGIN), letters(), &world);
        assert_eq!(take(&mut stream, 2).await, "ab");
        world.request_stop_within(time);
        assert_eq!(stream.collect::<String>().await, "!");
        assert_eq!(
            only(saves).await,
            ("ab".to_owned(), InterruptReason::Shutdown)
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_poll_within_the_margin_interrupts_before_any_timer() {
    let world = World::new();
    let (mut stream, saves) = saved_within(Some(MARGIN), letters(), &world);
    world.request_stop_within(10 * SECOND);
    assert_eq!(take(&mut stream, 2).await, "ab");
    // The save task has not run since.
    let _ = tokio::time::advance(7 * SECOND).now_or_never();
    assert_eq!(stream.collect::<String>().await, "!");
    assert_eq!(
        only(saves).await,
        ("ab".to_owned(), InterruptReason::Shutdown)
    );
}

#[tokio::test(start_paused = true)]
async fn extensions_and_repeated_requests_move_the_interruption() {
    for (earlier, due) in [(false, 9), (true, 4)] {
        let world = World::new();
        let (mut stream, saves) = saved_within(Some(MARGIN), letters(), &world);
        let began = Instant::now();
        assert_eq!(take(&mut stream, 1).await, "a");
        world.request_stop_within(10 * SECOND);
        tokio::time::sleep(2 * SECOND).await;
        if earlier {
            world.request_stop_within(5 * SECOND);
        } else {
            assert_eq!(world.shutdown().extend(2 * SECOND), 2 * SECOND);
        }
        // The stream is not polled: the save task notices that the interruption is due.
        assert_eq!(only(saves).await.0, "a");
        assert_eq!(began.elapsed().as_secs(), due);
        assert_eq!(stream.next().await, Some("!"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_drop_is_saved_at_once_with_the_first_reason() {
    for (requested, why) in [
        (true, InterruptReason::Shutdown),
        (false, InterruptReason::ConsumerGone),
    ] {
        let world = World::new();
        let (mut stream, saves) = saved_within(Some(MARGIN), letters(), &world);
        let began = Instant::now();
        assert_eq!(take(&mut stream, 3).await, "abc");
        if requested {
            world.request_stop_within(10 * SECOND);
        }
        drop(stream);
        assert_eq!(only(saves).await, ("abc".to_owned(), why));
        assert_eq!(began.elapsed(), Duration::ZERO);
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_created_while_draining_goes_on_and_is_awaited_with_the_tasks() {
    for requested in [false, true] {
        let world = World::new();
        world.scope.app.admission.close();
        if requested {
            world.request_stop_within(10 * SECOND);
        }
        let (stream, mut saves) = saved_within(Some(MARGIN), slow(Some(5)), &world);
        assert_eq!(world.scope.tasks.names(), [SAVE]);
        assert_eq!(stream.collect::<String>().await, "abcde");
        assert_eq!(saves.recv().await, None);

        let (mut stream, saves) = saved_within(Some(MARGIN), letters(), &world);
        assert_eq!(take(&mut stream, 3).await, "abc");
        drop(stream);
        assert_eq!(world.scope.tasks.names(), [SAVE]);
        assert_eq!(
            only(saves).await,
            ("abc".to_owned(), InterruptReason::Shutdown)
        );
        tokio::task::yield_now().await;
        assert!(world.scope.tasks.names().is_empty());
    }
}
