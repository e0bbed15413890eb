fn setup(_: &mut lifecycle::Setup) {}

#[lifecycle::main(init = "setup", registered = "false", flavor = current_thread, worker_threads = "4", crate = "lifecycle")]
async fn main() {
    setup;
}
