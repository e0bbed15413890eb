fn setup(_: &mut lifecycle::Setup) -> u8 {
    1
}

#[lifecycle::main(init = setup)]
async fn main() {}
