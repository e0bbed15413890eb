//! `as` takes traits of other crates, traits with bounds, and several of them.

#![deny(warnings)]

use std::fmt::Debug;
use std::sync::Arc;

use lifecycle::resource;

#[derive(Debug)]
struct Database;

trait Store<K> {
    fn get(&self, key: K) -> u32;
}

impl Store<u8> for Database {
    fn get(&self, key: u8) -> u32 {
        u32::from(key)
    }
}

#[resource(as = dyn Debug + Send + Sync, as = dyn Store<u8> + Send + Sync)]
impl Database {
    fn start() -> Self {
        Self
    }
}

struct Cache;

#[resource]
impl Cache {
    async fn start(
        debug: &(dyn Debug + Send + Sync),
        store: Arc<dyn Store<u8> + Send + Sync>,
    ) -> Self {
        println!("{debug:?} {}", store.get(1));
        Self
    }
}

fn main() {}
