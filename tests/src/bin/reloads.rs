//! Resources of which some can be reloaded. `file=path` names a file with the number of cushions.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use lifecycle::{App, ConfigError, Shutdown, resource};
use lifecycle_tests::act::{Fault, act, act_blocking, init, serve, steps};
use lifecycle_tests::harness::evidence::note;

struct Settings {
    cushions: AtomicU32,
}

impl Settings {
    fn read() -> Result<u32, Box<dyn Error + Send + Sync>> {
        let Some(file) = steps("file").first() else {
            return Ok(0);
        };
        let text = std::fs::read_to_string(file)?;
        let wrong = format!("cushions = {}: allowed is a number", text.trim());
        Ok(text.trim().parse().map_err(|_| ConfigError::new(wrong))?)
    }
}

#[resource(name = "settings")]
impl Settings {
    async fn start() -> Result<Self, Box<dyn Error + Send + Sync>> {
        act("settings.start").await?;
        let cushions = Self::read()?.into();
        Ok(Self { cushions })
    }

    async fn reload(&self) -> Result<(), Box<dyn Error + Send + Sync>> {
        act("settings.reload").await?;
        self.cushions.store(Self::read()?, Ordering::Relaxed);
        Ok(())
    }

    async fn stop(&self) -> Result<(), Fault> {
        act("settings.stop").await
    }
}

struct Fixed;

#[resource(name = "fixed")]
impl Fixed {
    async fn start(_settings: &Settings) -> Result<Self, Fault> {
        act("fixed.start").await.map(|()| Self)
    }
}

/// Serves with the current settings.
struct Pool {
    settings: Arc<Settings>,
}

#[resource(name = "pool")]
impl Pool {
    async fn start(_fixed: &Fixed, settings: Arc<Settings>) -> Result<Self, Fault> {
        act("pool.start").await.map(|()| Self { settings })
    }

    fn reload(&self) -> Result<(), Fault> {
        act_blocking("pool.reload")?;
        let cushions = self.settings.cushions.load(Ordering::Relaxed);
        note(format!("serving {cushions}"));
        Ok(())
    }

    async fn stop(&self) -> Result<(), Fault> {
        act("pool.stop").await
    }
}

#[derive(App)]
struct Reloads {
    _pool: Arc<Pool>,
}

#[lifecycle::main(init = init)]
async fn main(_app: Reloads, shutdown: Shutdown) -> Result<(), Fault> {
    serve("main", &shutdown).await
}
