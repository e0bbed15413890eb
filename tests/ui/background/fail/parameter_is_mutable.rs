use lifecycle::{Ready, Shutdown, Tasks, background};

struct Database;

#[lifecycle::resource]
impl Database {
    async fn start() -> Self {
        Self
    }
}

#[background]
async fn serve(shutdown: &mut Shutdown, ready: &mut lifecycle::Ready) {
    let _ = (shutdown, ready);
}

#[background]
async fn consume(tasks: &mut Tasks, ready: &mut Ready) {
    let _ = (tasks, ready);
}

#[background]
async fn poll(db: &mut Database) {
    let _ = db;
}

fn main() {}
