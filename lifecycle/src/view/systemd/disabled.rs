//! In place of systemd, in an app without the feature `systemd` and on systems other than Linux.

use std::future::Future;
use std::io;
use std::time::Duration;

use tokio::runtime;

use crate::api::event::Event;
use crate::plan::Plan;
use crate::report::Report;

pub(crate) struct Systemd;

pub(crate) struct NotifierHandle;

#[derive(Default)]
pub(crate) struct LastLine;

impl Systemd {
    pub(crate) fn capture() -> Self {
        Self
    }

    pub(crate) fn start(self, _: &Plan) -> io::Result<NotifierHandle> {
        Ok(NotifierHandle)
    }
}

impl NotifierHandle {
    pub(crate) fn is_detached(&self) -> bool {
        true
    }

    pub(crate) const DETACHED: Self = Self;

    pub(crate) fn observer(&self) -> impl FnMut(&Event) + Send + use<> {
        |_| {}
    }

    pub(crate) fn pings(&self, _: runtime::Handle) -> impl Future<Output = ()> + Send + use<> {
        std::future::ready(())
    }

    pub(crate) fn finish(&self, _: &Report) -> LastLine {
        LastLine
    }
}

impl LastLine {
    pub(crate) fn wait(self, _: Duration) {}
}
