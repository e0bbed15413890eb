//! [`Endpoints`]: everything that requests are answered from.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::metrics::Prometheus;
use super::state::AdminState;
use crate::api::event::Event;
use crate::life::Inside;
use crate::life::input::Input;
use crate::plan::Plan;
use crate::view::admin::live_picture::LivePicture;

pub(super) struct Endpoints {
    pub(super) state: Arc<AdminState>,
    pub(super) live_picture: Arc<LivePicture>,
    pub(super) prometheus: Prometheus,
}

impl Endpoints {
    pub(super) fn new(plan: &Plan) -> Self {
        Self {
            state: Arc::new(AdminState::new(plan)),
            live_picture: Arc::default(),
            prometheus: Prometheus::default(),
        }
    }

    pub(super) fn attach(&self, inside: Inside, driver: mpsc::UnboundedSender<Input>) {
        self.state.attach(inside, driver);
        self.live_picture.change();
    }

    /// Takes the event in. Called by the driver.
    pub(super) fn apply(&self, event: &Event) {
        self.state.apply(event);
        self.live_picture.change();
    }
}
