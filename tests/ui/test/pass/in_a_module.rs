//! Only a test harness runs the test; without one it must compile to nothing, without a warning.

#![deny(warnings)]

#[cfg(test)]
mod tests {
    #[lifecycle::test(start_paused = true, background = [#[cfg(any())] missing])]
    #[should_panic]
    async fn works() {
        panic!("as expected");
    }
}

fn main() {}
