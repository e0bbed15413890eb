use lifecycle::resource;

#[resource(order = 1)]
enum Mode {
    Web,
}

fn main() {}
