//! In place of sentence transformers, where they are not compiled in.

use std::path::Path;
use std::sync::Arc;

use lifecycle::ConfigError;

use crate::embedding::EmbeddingModel;

pub fn read(folder: &Path) -> Result<Arc<dyn EmbeddingModel>, ConfigError> {
    Err(ConfigError::new(format!(
        "AGENT_EMBEDDING_MODEL is `{}`, but this agent is built without sentence transformers: build it with `--features candle`, or leave the variable out for the built-in embedding",
        folder.display()
    )))
}
