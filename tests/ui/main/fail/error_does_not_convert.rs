struct NoError;

#[lifecycle::main]
async fn main() -> Result<(), NoError> {
    Err(NoError)
}
