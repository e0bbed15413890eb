use lifecycle::background;

struct Server;

#[background]
impl Server {}

fn main() {}
