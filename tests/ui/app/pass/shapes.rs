//! A diamond, equal orders, the order of a worker on the workers' own scale, `#[cfg]` on a field, an empty app, a budget
//! that fits exactly.

#![deny(warnings)]
#![allow(dead_code, reason = "only expanded")]

use std::sync::Arc;

use lifecycle::{App, background, resource};

macro_rules! resource {
    ($name:ident, ($($arguments:tt)*), $($needs:ident),*) => {
        struct $name;

        #[resource($($arguments)*)]
        impl $name {
            #[allow(non_snake_case, reason = "named after the types")]
            async fn start($($needs: &$needs),*) -> Self {
                $(let _ = $needs;)*
                Self
            }
        }
    };
}

resource!(Base, (order = 1, timeout = "2s"),);
resource!(Left, (timeout = "10s"), Base);
resource!(Right, (timeout = "11s"), Base);
resource!(Top, (order = 1), Left, Right);
resource!(Above, (order = 9, timeout = "3s"), Top, Base);

#[background(order = -5)]
async fn serve(above: &Above) {
    let _ = above;
}

#[derive(App)]
#[app(shutdown_timeout = "23s", background = [serve])]
struct Agent {
    top: Arc<Top>,
    #[cfg(any())]
    missing: Arc<Missing>,
}

#[derive(App)]
struct Empty {}

fn main() {}
