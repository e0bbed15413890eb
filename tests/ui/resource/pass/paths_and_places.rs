//! Types are named by path, by alias and through a re-export, in private modules and inside functions; instances of
//! generic types are resources.

#![deny(warnings)]
#![allow(dead_code, reason = "only expanded")]

use std::sync::Arc;

use lifecycle::{App, background, resource};

mod private {
    mod deeper {
        pub struct Hidden;

        #[lifecycle::resource]
        impl Hidden {
            fn start() -> Self {
                Self
            }
        }
    }

    pub use deeper::Hidden as Shown;

    pub mod other {
        pub struct ByPath;
    }
}

#[resource]
impl private::other::ByPath {
    async fn start(shown: &private::Shown) -> private::other::ByPath {
        let _ = shown;
        Self
    }
}

struct Cache<T>(Vec<T>);

type Users = Cache<String>;

#[resource]
impl Users {
    async fn start() -> Self {
        Self(Vec::new())
    }
}

#[resource]
impl Cache<(u8, u16)> {
    async fn start(users: &Users) -> Self {
        let _ = &users.0;
        Self(Vec::new())
    }
}

type Handle = Arc<Users>;
type Stop = lifecycle::Shutdown;
type Fallible<T> = Result<T, std::io::Error>;

struct Database;

#[resource(after = [Cache<(u8, u16)>])]
impl Database {
    async fn start(
        users: Handle,
        stop: Stop,
        path: &self::private::other::ByPath,
    ) -> Fallible<Self> {
        let _ = (users, stop, path);
        Ok(Self)
    }

    async fn stop(&self) -> Fallible<()> {
        Ok(())
    }
}

#[background]
async fn r#loop(db: &Database) -> Fallible<()> {
    let _ = db;
    Ok(())
}

#[derive(App)]
#[app(background = [r#loop])]
struct Agent {
    users: Handle,
    r#type: std::sync::Arc<Database>,
}

fn inside() {
    struct Local;

    #[resource]
    impl Local {
        fn start() -> Self {
            Self
        }
    }

    #[background]
    fn work(local: &Local) {
        let _ = local;
    }

    #[derive(App)]
    #[app(background = [work])]
    struct Small {
        local: Arc<Local>,
    }
}

macro_rules! by_macro {
    ($name:ident, $needs:ty) => {
        struct $name;

        #[resource]
        impl $name {
            async fn start(needs: &$needs) -> Self {
                let _ = needs;
                Self
            }
        }
    };
}

macro_rules! by_type {
    ($name:ty, $needs:ty) => {
        #[resource]
        impl $name {
            async fn start(needs: $needs) -> Self {
                let _ = needs;
                Self
            }
        }
    };
}

struct ByType;

by_type!(ByType, &Database);
by_macro!(First, Database);
by_macro!(Second, First);

fn main() {}
