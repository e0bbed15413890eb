//! Tasks: work that fans out from a component. It is awaited when the app stops, and listed in the report if it does not end.

use std::time::Duration;

use lifecycle::{App, Shutdown, Tasks, background};

/// Each mail is a task of this worker. When asked to stop, the worker takes no further mail; its tasks have the rest of its
/// time.
#[background(timeout = "5s")]
async fn send_mails(tasks: Tasks, shutdown: Shutdown) {
    let mut mails = 0;
    while !shutdown
        .sleep(Duration::from_millis(200))
        .await
        .is_interrupted()
    {
        mails += 1;
        let shutdown = shutdown.clone();
        tasks.spawn(format!("mail {mails}"), send(mails, shutdown));
    }
    println!(
        "send_mails: asked to stop, {} tasks are under way",
        tasks.len()
    );
}

async fn send(mail: u32, shutdown: Shutdown) {
    println!("mail {mail}: sending");
    tokio::time::sleep(Duration::from_millis(500)).await;
    if shutdown.is_requested() {
        println!("mail {mail}: sent, although the app is stopping");
    }
}

#[derive(App)]
#[app(shutdown_timeout = "10s", background = [send_mails])]
struct Mailer {}

#[lifecycle::main]
async fn main(_app: Mailer, shutdown: Shutdown) -> Result<(), lifecycle::BoxError> {
    // `main` has tasks, too. This one returns a value.
    let checked = shutdown
        .tasks()
        .spawn("check", async { "all is well" })
        .await?;
    println!("main: up, {checked}; press Ctrl+C");
    shutdown.requested().await;
    Ok(())
}
