use lifecycle::background;

#[background]
const LIMIT: u8 = 3;

fn main() {
    let _ = LIMIT;
}
