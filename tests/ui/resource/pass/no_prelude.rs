//! The expansions compile without the prelude and without any `use`.

#![deny(warnings)]

#[allow(dead_code, reason = "only expanded")]
mod inner {
    #![no_implicit_prelude]

    pub struct Database;

    #[::lifecycle::resource(timeout = "1s")]
    impl Database {
        async fn start() -> Self {
            Self
        }

        async fn stop(&self) {}

        fn emergency(&self) {}
    }

    #[::lifecycle::background]
    pub async fn serve(db: &Database) {
        let _ = db;
    }

    #[derive(::lifecycle::App)]
    #[app(background = [serve])]
    pub struct Agent {
        pub db: ::std::sync::Arc<Database>,
    }

    #[::lifecycle::main]
    pub async fn run(app: Agent) {
        let _ = app;
    }
}

fn main() {}
