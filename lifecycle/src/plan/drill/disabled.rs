//! The drill without the feature `drill`: the same functions, which do nothing.

use std::future::Future;
use std::time::Duration;

use crate::api::hook::{Hook, StartContext};
use crate::plan::component::{Component, Id};

#[derive(Default)]
pub(crate) struct Drill;

pub(crate) enum Stage {
    Starting,
    Draining,
    Stopping,
}

impl Drill {
    pub(crate) fn new(_: Option<&str>, _: &[Component]) -> Result<Self, Vec<String>> {
        Ok(Self)
    }

    pub(crate) fn is_on(&self) -> bool {
        false
    }

    pub(crate) fn announcement(&self) -> Option<String> {
        None
    }

    pub(crate) fn conclusion(&self) -> Option<String> {
        None
    }

    pub(crate) fn start<T>(&self, _: Id, real: Hook<T>) -> Hook<T> {
        real
    }

    pub(crate) fn stop<T>(&self, _: Id, real: Hook<T>) -> Hook<T> {
        real
    }

    pub(crate) fn reload<T>(&self, _: Id, real: Hook<T>) -> Hook<T> {
        real
    }

    pub(crate) fn run(&self, _: Id, real: Hook<()>, _: &StartContext) -> Hook<()> {
        real
    }

    pub(crate) fn emergency(
        &self,
        _: Id,
        real: impl Fn() + Send + 'static,
    ) -> Box<dyn Fn() + Send> {
        Box::new(real)
    }

    pub(crate) fn main<F: Future>(&self, body: F) -> F {
        body
    }

    pub(crate) fn hurries(&self, _: Id) -> bool {
        false
    }

    pub(crate) fn reloads(&self) -> bool {
        false
    }

    pub(crate) fn attach(&self, _: fn() -> (usize, Duration)) {}

    pub(crate) fn enter(&self, _: Stage) {}

    pub(crate) fn go_down(&self, _: impl Fn(Id) -> bool, _: impl FnOnce()) {}

    pub(crate) fn holds(&self, _: Stage) -> bool {
        false
    }

    pub(crate) async fn third_signal(&self) {}
}
