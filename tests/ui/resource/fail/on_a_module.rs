use lifecycle::resource;

#[resource]
mod database {}

fn main() {}
