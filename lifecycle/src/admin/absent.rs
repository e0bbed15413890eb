//! An app without the feature `admin`: nobody asks.

use std::net::SocketAddr;

use crate::life::Inside;
use crate::life::notice::Observer;
use crate::plan::Plan;

pub(crate) struct Admin;

impl Admin {
    pub(crate) fn start(_: Option<SocketAddr>, _: &Plan) -> Result<Self, String> {
        Ok(Self)
    }

    pub(crate) fn beside(&self, observer: Observer) -> Observer {
        observer
    }

    pub(crate) fn attach(&self, _: &Inside) {}
}
