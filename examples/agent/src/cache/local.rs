//! [`Local`]: a cache in this process, which ends with it.

use std::sync::Arc;

use moka::future::Cache;

use super::{Entry, KEEP};

/// The capacity in bytes of keys and values. The least used entries are evicted first.
const ROOM: u64 = 16 << 20;

pub struct Local {
    entries: Cache<String, Arc<[u8]>>,
}

impl Local {
    pub fn new() -> Self {
        let weight = |key: &String, value: &Arc<[u8]>| {
            (key.len() + value.len()).try_into().unwrap_or(u32::MAX)
        };
        let entries = Cache::builder()
            .max_capacity(ROOM)
            .weigher(weight)
            .time_to_live(KEEP);
        Self {
            entries: entries.build(),
        }
    }

    pub async fn get(&self, keys: &[String]) -> Vec<Option<Arc<[u8]>>> {
        let mut found = Vec::with_capacity(keys.len());
        for key in keys {
            found.push(self.entries.get(key).await);
        }
        found
    }

    pub async fn put(&self, entries: Vec<Entry>) {
        for (key, value) in entries {
            self.entries.insert(key, value.into()).await;
        }
    }

    pub fn clear(&self) {
        self.entries.invalidate_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_cache_keeps_no_more_than_its_capacity() {
        let local = Local::new();
        let big = vec![0; 1 << 20];
        for number in 0..64 {
            local.put(vec![(number.to_string(), big.clone())]).await;
        }
        local.put(vec![("small".into(), b"value".to_vec())]).await;
        local.entries.run_pending_tasks().await;
        assert!(local.entries.weighted_size() <= ROOM);
        assert!(local.entries.entry_count() > 8);

        local.clear();
        let keys: Vec<_> = (0..64).map(|number| number.to_string()).collect();
        assert!(local.get(&keys).await.iter().all(Option::is_none));
    }
}
