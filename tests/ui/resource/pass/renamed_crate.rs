//! `crate = path`, for crates that re-export the framework.

#![deny(warnings)]
#![allow(dead_code, reason = "only expanded")]

mod framework {
    pub use lifecycle as renamed;
}

mod lifecycle_is_taken {
    use crate::framework::renamed::{App, background, resource};

    pub struct Database;

    #[resource(crate = crate::framework::renamed, order = 1)]
    impl Database {
        async fn start() -> Self {
            Self
        }

        async fn stop(&self) {}
    }

    #[background(crate = crate::framework::renamed)]
    pub async fn serve(db: &Database) {
        let _ = db;
    }

    #[derive(App)]
    #[app(crate = crate::framework::renamed, background = [serve])]
    pub struct Agent {
        pub db: std::sync::Arc<Database>,
    }

    #[crate::framework::renamed::main(crate = crate::framework::renamed)]
    pub async fn run(app: Agent) {
        let _ = app;
    }
}

fn main() {}
