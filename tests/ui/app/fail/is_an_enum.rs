use lifecycle::App;

#[derive(App)]
enum Agent {
    Web,
}

fn main() {}
