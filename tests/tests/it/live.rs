//! The live picture, as a viewer receives it: from before the first start until the process has ended.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use lifecycle_tests::harness::Run;
use lifecycle_tests::harness::canary::unless_late;
use lifecycle_tests::http::ask;
use lifecycle_tests::web::Client;
use serde_json::Value;

use crate::probed::probed;

const SECOND: Duration = Duration::from_secs(1);

/// The number of streams at a time.
const MOST: usize = 16;

fn follow(address: SocketAddr) -> Client {
    let mut client = Client::new(address);
    let head = client.ask("/live").head();
    assert_eq!(head.status, 200, "{head:?}");
    let kind = head.header("content-type").unwrap_or_default();
    assert!(kind.starts_with("text/event-stream"), "{head:?}");
    client
}

/// The next event: its kind and its data.
fn event(client: &mut Client) -> (String, Value) {
    client.until("event: ");
    let kind = client.until("\n");
    client.until("data: ");
    let data = client.until("\n\n");
    let value = serde_json::from_str(&data).unwrap_or_else(|error| panic!("{error}: {data}"));
    (kind.trim_end().to_owned(), value)
}

/// The next picture in that state.
#[track_caller]
fn picture(client: &mut Client, state: &str) -> String {
    loop {
        let (kind, value) = event(client);
        if value["state"] == state {
            assert_eq!(kind == "ended", state == "ended");
            return value["picture"].as_str().expect("a picture").to_owned();
        }
        assert_eq!(kind, "picture", "it ended before it was {state}: {value}");
    }
}

fn stop(mut run: Run) {
    let asked = run.terminate();
    run.end().expect_code(0).expect_gone(asked, SECOND);
}

#[test]
fn a_viewer_sees_the_whole_life_and_its_end() {
    // The process waits at most 250 ms for viewers to take the last picture.
    unless_late(|| {
        let (program, address) = probed();
        let mut run = program
            .with("database.start=slow:1000 main.after=slow:1500 database.stop=slow:1500")
            .start();
        run.until("database.start");
        let mut client = follow(address);
        let starting = picture(&mut client, "starting");
        assert!(starting.contains("database: starting\n"), "{starting}");
        let running = picture(&mut client, "running");
        assert!(running.contains("cache: running\n"), "{running}");
        run.terminate();
        let draining = picture(&mut client, "draining");
        assert!(draining.contains("stops (SIGTERM), draining"), "{draining}");
        let stopping = picture(&mut client, "stopping");
        assert!(stopping.contains("deadline +"), "{stopping}");
        let ended = picture(&mut client, "ended");
        assert!(ended.contains("stopped cleanly in"), "{ended}");
        assert_eq!(client.rest().trim(), "0", "nothing follows");
        run.end().expect_code(0);
    });
}

/// Pictures with the current time come also where nothing happens.
#[test]
fn pictures_are_current_and_sent_while_something_is_under_way() {
    unless_late(|| {
        let (program, address) = probed();
        let mut run = program.with("database.start=slow:20000").start();
        run.until("database.start");
        let mut client = follow(address);
        event(&mut client);
        let begun = Instant::now();
        let mut last = picture(&mut client, "starting");
        for _ in 0..2 {
            let next = picture(&mut client, "starting");
            assert_ne!(next, last);
            last = next;
        }
        // One a second; pictures without a pause would take about 0.2 s.
        assert!(begun.elapsed() > SECOND, "{:?}", begun.elapsed());
        run.terminate();
        let ended = picture(&mut client, "ended");
        assert!(ended.contains("did not come up"), "{ended}");
        drop(run.end());
    });
}

#[test]
fn a_browser_gets_the_page_and_the_number_of_viewers_is_limited() {
    let (program, address) = probed();
    let run = program.up();
    let mut clients: Vec<Client> = (0..MOST).map(|_| follow(address)).collect();
    let one_more = || Client::new(address).ask("/live").head().status;
    assert_eq!(one_more(), 503);
    let page = || {
        ask(
            address,
            "GET",
            "/",
            "accept: text/html,*/*\r\n",
            10 * SECOND,
        )
    };
    let page = page().expect("an answer");
    page.expect(
        200,
        &["<title>Probed: running</title>", "default-src 'none'"],
    );
    assert!(page.head.contains("text/html"), "{}", page.head);
    // Once the server has noticed that a viewer has gone.
    drop(clients.pop());
    let begun = Instant::now();
    while one_more() != 200 {
        assert!(begun.elapsed() < 20 * SECOND, "no room");
    }
    stop(run);
}

#[test]
fn d9_a_viewer_that_does_not_read_does_not_delay_the_end() {
    let (program, address) = probed();
    let run = program.up();
    let clients: Vec<Client> = (0..MOST).map(|_| follow(address)).collect();
    stop(run);
    drop(clients);
}
