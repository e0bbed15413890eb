#[lifecycle::test]
#[tokio::test]
async fn works() {}

#[lifecycle::test]
#[test]
async fn works_too() {}

fn main() {}
