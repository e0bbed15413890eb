use lifecycle::background;

mod serve {}

#[background]
async fn serve() {}

fn main() {}
