use lifecycle::resource;

#[resource]
async fn serve() {}

fn main() {}
