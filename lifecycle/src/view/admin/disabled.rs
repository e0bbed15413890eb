//! An app without the feature `admin`: nobody asks.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::api::event::Observer;
use crate::life::Inside;
use crate::life::input::Input;
use crate::plan::Plan;
use crate::report::Report;

pub(crate) struct Admin;

impl Admin {
    pub(crate) fn start(_: Option<SocketAddr>, _: &Plan) -> Result<Self, String> {
        Ok(Self)
    }

    pub(crate) fn beside(&self, observer: Observer) -> Observer {
        observer
    }

    pub(crate) fn attach(&self, _: &Inside, _: &mpsc::UnboundedSender<Input>) {}

    pub(crate) fn finish(&self, _: &Report) -> Farewell {
        Farewell
    }
}

pub(crate) struct Farewell;

impl Farewell {
    pub(crate) fn is_none(&self) -> bool {
        true
    }

    pub(crate) fn wait(self, _: Duration) {}
}
