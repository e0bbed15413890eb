use lifecycle::background;

#[background]
async fn serve<T: Send>() {}

fn main() {}
