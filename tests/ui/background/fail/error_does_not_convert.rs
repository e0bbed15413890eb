use lifecycle::background;

struct NoError;

#[background]
async fn serve() -> Result<(), NoError> {
    Err(NoError)
}

fn main() {}
