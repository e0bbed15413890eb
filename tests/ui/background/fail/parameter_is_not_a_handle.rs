use lifecycle::background;

#[background]
async fn serve(port: u16) {
    let _ = port;
}

fn main() {}
