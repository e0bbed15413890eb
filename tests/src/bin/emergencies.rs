//! Twenty resources with emergency hooks. `hanging=3,7` names the hooks that hang.

use lifecycle::{Shutdown, resource};
use lifecycle_tests::act::{Fault, act, act_blocking, init, serve, steps};

macro_rules! resources {
    ($($name:ident $number:tt)*) => {
        $(
            struct $name;

            #[resource(name = $number)]
            impl $name {
                async fn start() -> Result<Self, Fault> {
                    act(concat!($number, ".start")).await.map(|()| Self)
                }

                async fn stop(&self) -> Result<(), Fault> {
                    act("any.stop").await
                }

                fn emergency(&self) {
                    let _ = act_blocking(concat!($number, ".emergency"));
                    if steps("hanging").iter().any(|name| name == $number) {
                        let _ = act_blocking("hang");
                    }
                }
            }
        )*
    };
}

resources! {
    R0 "0" R1 "1" R2 "2" R3 "3" R4 "4" R5 "5" R6 "6" R7 "7" R8 "8" R9 "9"
    R10 "10" R11 "11" R12 "12" R13 "13" R14 "14" R15 "15" R16 "16" R17 "17" R18 "18" R19 "19"
}

#[lifecycle::main(init = init)]
async fn main(shutdown: Shutdown) -> Result<(), Fault> {
    serve("main", &shutdown).await
}
