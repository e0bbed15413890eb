fn setup(_: u8) -> Result<(), std::io::Error> {
    Ok(())
}

#[lifecycle::main(init = setup)]
async fn main() {}
