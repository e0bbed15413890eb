//! Error types of hooks, workers and `main`.
#![deny(warnings)]

use lifecycle::{BoxError, background, resource};
use std::borrow::Cow;
use std::error::Error;

pub struct Database;

#[resource]
impl Database {
    async fn start() -> Result<Self, Box<dyn Error>> {
        let _: u16 = "5432".parse()?;
        Ok(Self)
    }
    async fn stop(&self) -> Result<(), Box<dyn Error + Send>> {
        Ok(())
    }
    fn expects(&self, error: &Box<dyn Error + Send>) -> bool {
        lifecycle::is_disconnect(&**error)
    }
    async fn health(&self) -> Result<(), String> {
        Err("down".to_owned())
    }
    fn reload(&self) -> Result<(), &'static str> {
        Err("down")
    }
}

pub struct Cache;

#[resource]
impl Cache {
    fn start() -> Result<Self, Box<dyn Error + Sync>> {
        Ok(Self)
    }
    fn stop(&self) -> Result<(), Box<dyn Error>> {
        Err("down".into())
    }
    fn expects(&self, _error: &Box<dyn Error>) -> bool {
        true
    }
}

#[background]
async fn poll() -> Result<(), Box<dyn Error>> {
    fail()?;
    std::future::ready(()).await;
    Ok(())
}

#[background]
fn compute() -> Result<(), Box<dyn Error>> {
    fail()
}

fn fail() -> Result<(), Box<dyn Error>> {
    Err("down".into())
}

#[background]
async fn boxed() -> Result<(), BoxError> {
    Ok(())
}

#[background]
async fn borrowed() -> Result<(), Cow<'static, str>> {
    Ok(())
}

fn setup(_: &mut lifecycle::Setup) -> Result<(), Box<dyn Error>> {
    fail()
}

mod server {
    use std::error::Error;

    #[lifecycle::main(init = super::setup)]
    pub async fn main() -> Result<(), Box<dyn Error>> {
        super::fail()?;
        Ok(())
    }
}

fn main() {
    let _ = server::main;
}
