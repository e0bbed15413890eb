use lifecycle::resource;
use lifecycle::{Hook, Record, RecordRef, Resource, StartContext};

struct Database;

#[resource]
impl Resource for Database {
    const RECORD: RecordRef = RecordRef::to(const { &Record::resource::<Self>("database") });

    fn start(_: &mut StartContext) -> Hook<Self> {
        Hook::future(async { Ok(Database) })
    }
}

fn main() {}
