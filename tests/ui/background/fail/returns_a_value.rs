use lifecycle::background;

#[background]
async fn serve() -> u32 {
    1
}

#[background]
fn spin() -> Option<()> {
    None
}

fn main() {}
