use lifecycle::background;

#[background]
unsafe fn serve() {}

fn main() {}
