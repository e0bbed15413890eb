use lifecycle::background;

struct serve;

#[background]
async fn serve() {}

fn main() {}
