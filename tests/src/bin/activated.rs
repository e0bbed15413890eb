//! A service that answers each connection of the socket from systemd with one line.

use std::io;

use lifecycle::{Shutdown, Tasks, background, http, resource};
use lifecycle_tests::act::{Fault, init, serve};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};

struct Listener(UnixListener);

#[resource]
impl Listener {
    async fn start() -> io::Result<Self> {
        // systemd names the socket after its unit.
        let listener = http::unix_by_name("activated.socket")?;
        let none = || io::Error::other("systemd hands over no socket");
        listener.map(Self).ok_or_else(none)
    }
}

/// Accepts connections until it is asked to stop. Later connections wait in the socket, which systemd keeps for the
/// next process.
#[background(timeout = "10s")]
async fn answer(listener: &Listener, shutdown: Shutdown, tasks: Tasks) -> io::Result<()> {
    while let Some(accepted) = shutdown.run(listener.0.accept()).await {
        let (client, _) = accepted?;
        tasks.spawn("client", async move {
            let _ = reply(client).await;
        });
    }
    Ok(())
}

async fn reply(mut client: UnixStream) -> io::Result<()> {
    let mut question = [0; 2];
    client.read_exact(&mut question).await?;
    client.write_all(&question).await
}

#[lifecycle::main(init = init, worker_threads = 2)]
async fn main(shutdown: Shutdown) -> Result<(), Fault> {
    serve("main", &shutdown).await
}
