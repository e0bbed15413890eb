//! Fifty resources in ten levels.

use lifecycle::resource;

macro_rules! parts {
    ($($order:literal: $($name:ident)*;)*) => {$($(
        struct $name;

        #[resource(order = $order)]
        impl $name {
            async fn start() -> std::io::Result<Self> {
                Ok(Self)
            }

            async fn stop(&self) {}
        }
    )*)*};
}

parts! {
    0: A0 B0 C0 D0 E0;
    1: A1 B1 C1 D1 E1;
    2: A2 B2 C2 D2 E2;
    3: A3 B3 C3 D3 E3;
    4: A4 B4 C4 D4 E4;
    5: A5 B5 C5 D5 E5;
    6: A6 B6 C6 D6 E6;
    7: A7 B7 C7 D7 E7;
    8: A8 B8 C8 D8 E8;
    9: A9 B9 C9 D9 E9;
}
