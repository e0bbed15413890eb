//! [`LanguageModel`]: what writes the answers, and [`Model`], the resource behind it.

mod attempts;
mod chunk;
mod endpoint;
mod ngram;

use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};

use futures_util::{Stream, TryStreamExt, stream};
use lifecycle::{Shutdown, resource};

use crate::config::Config;
use crate::database::Database;
use crate::error::ModelError;
use crate::http_client::HttpClient;
use crate::model::endpoint::EndpointModel;
use crate::model::ngram::NgramModel;

/// Pieces of text, in order, as they come. Dropping it stops the work behind it.
pub type TokenStream = Pin<Box<dyn Stream<Item = Result<String, ModelError>> + Send>>;

pub trait LanguageModel: Send + Sync + 'static {
    /// Which one it is, for people.
    fn describe(&self) -> String;
    /// `shutdown` is the scope of whoever asks: once it is told to stop, nothing that has failed is tried again. To break
    /// off what is under way is left to whoever asks.
    fn tokens(&self, prompt: Prompt, shutdown: &Shutdown) -> TokenStream;
}

#[derive(Debug, Clone, Default)]
pub struct Prompt {
    /// How whoever asks wants it answered; may be empty.
    pub instructions: String,
    /// What the answer is to be drawn from.
    pub passages: Vec<String>,
    /// The questions and answers so far, oldest first.
    pub history: Vec<(String, String)>,
    pub question: String,
    /// How many tokens the answer may have; the built-in model gives exactly so many.
    pub max_tokens: usize,
}

impl dyn LanguageModel {
    /// The whole answer at once.
    pub async fn text(&self, prompt: Prompt, shutdown: &Shutdown) -> Result<String, ModelError> {
        let text: String = self.tokens(prompt, shutdown).try_collect().await?;
        Ok(text.trim().to_owned())
    }
}

/// The model that the configuration chooses.
pub struct Model {
    description: String,
    /// Empty once unloaded.
    chosen: RwLock<Option<Arc<dyn LanguageModel>>>,
}

#[resource(order = 2, as = dyn LanguageModel)]
impl Model {
    async fn start(
        config: &Config,
        http: Arc<HttpClient>,
        db: &Database,
    ) -> Result<Self, sqlx::Error> {
        let chosen: Arc<dyn LanguageModel> = match &config.endpoint {
            Some(endpoint) => Arc::new(EndpointModel::new(endpoint.clone(), http)),
            None => Arc::new(NgramModel::train(db).await?),
        };
        Ok(Self {
            description: chosen.describe(),
            chosen: RwLock::new(Some(chosen)),
        })
    }

    /// Unloads it: whoever asks from now on is refused, and the tables are freed with the last answer.
    async fn stop(&self) {
        drop(
            self.chosen
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
    }
}

impl LanguageModel for Model {
    fn describe(&self) -> String {
        self.description.clone()
    }

    fn tokens(&self, prompt: Prompt, shutdown: &Shutdown) -> TokenStream {
        match &*self.chosen.read().unwrap_or_else(PoisonError::into_inner) {
            Some(model) => model.tokens(prompt, shutdown),
            None => Box::pin(stream::iter([Err(ModelError::Unloaded)])),
        }
    }
}
