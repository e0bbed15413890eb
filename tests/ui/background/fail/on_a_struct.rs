use lifecycle::background;

#[background]
struct Server;

fn main() {}
