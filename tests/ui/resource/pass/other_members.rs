//! Other members of the block do not change, and methods that only resemble hooks are not hooks.

#![deny(warnings)]
#![allow(dead_code, reason = "only expanded")]

use lifecycle::resource;

struct Database {
    steps: u32,
}

#[resource]
impl Database {
    pub const LIMITS: [Limits; 1] = [Limits { rows: 1 }];
    const ANSWER: fn() -> u32 = || 42;

    /// Starts it.
    #[must_use]
    pub async fn start() -> Self {
        let fallback = {
            Self {
                steps: Self::ANSWER(),
            }
        };
        fallback
    }

    pub const fn rows(&self) -> u32 {
        Self::LIMITS[0].rows
    }

    unsafe fn raw(&self) -> *const Self {
        self
    }

    extern "C" fn callback(value: u32) -> u32 {
        value
    }

    const unsafe extern "C" fn all(value: u32) -> u32 {
        value
    }

    fn generic<T: Into<u32>>(&mut self, value: T)
    where
        T: Copy,
    {
        self.steps = value.into();
    }

    // One edit away from `stop`, but an ordinary word, or without the signature of a hook.
    fn step(&self) {}

    fn stops(&mut self) {}

    fn relod(&self, force: bool) {
        let _ = force;
    }

    fn expect(&self, code: u8) {
        let _ = code;
    }

    fn expecs(&self) -> bool {
        true
    }

    fn expectss(code: u8) -> bool {
        code == 1
    }

    fn in_used(&self) {}

    fn inuse(&mut self) -> usize {
        0
    }

    fn heath() -> u32 {
        1
    }
}

struct Limits {
    rows: u32,
}

fn main() {}
