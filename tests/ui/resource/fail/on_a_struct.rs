use lifecycle::resource;

#[resource]
struct Database;

#[resource]
struct Generic<T>(T);

fn main() {}
