//! [`NgramModel`]: a language model that needs no network and no download.
//!
//! It continues a text word by word: with a word that followed the last two words (order 3), else with one that
//! followed the last word, else with a new sentence. It is trained on the stored documents and a small text of its own.
//! It mostly continues from the passages that were retrieved for the question, so that an answer is about them, and
//! strays from them now and then. The same question over the same documents gets the same answer.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream;
use lifecycle::Shutdown;
use tokio::time::{MissedTickBehavior, interval};

use crate::database::Database;
use crate::embedding::HashedNgrams;
use crate::model::{LanguageModel, Prompt, TokenStream};
use crate::vectors::Vectors;

const OWN_TEXT: &str = include_str!("own.txt");

/// The time per token, about that of a large model.
const PACE: Duration = Duration::from_millis(5);

/// One word in this many is chosen from everything learned, even if the passages have a continuation.
const STRAY: u32 = 12;

pub struct NgramModel {
    trained: Arc<Counts>,
    /// The model's own text, indexed by line: used if no passage was retrieved.
    own: Vectors,
}

impl NgramModel {
    pub async fn train(db: &Database) -> Result<Self, sqlx::Error> {
        let texts: Vec<(String,)> = sqlx::query_as("SELECT text FROM passages ORDER BY id")
            .fetch_all(&mut **db.connection().await?)
            .await?;
        let mut model = Self::untrained();
        let counts = Arc::make_mut(&mut model.trained);
        for (text,) in texts {
            counts.learn(&text);
            // Training may take long, and other components start at the same time.
            tokio::task::consume_budget().await;
        }
        Ok(model)
    }

    /// Creates a model that has learned only its own text.
    fn untrained() -> Self {
        let (mut trained, mut own) = (Counts::default(), Vectors::new(HashedNgrams::SPACE));
        for (id, line) in (0..).zip(OWN_TEXT.lines()) {
            trained.learn(line);
            own.insert(id, HashedNgrams::passage(line));
        }
        Self {
            trained: Arc::new(trained),
            own,
        }
    }

    fn own_lines(&self, question: &str) -> Vec<String> {
        let line = |id: i64| OWN_TEXT.lines().nth(id as usize).map(ToOwned::to_owned);
        let rarity = self.own.rarity(&HashedNgrams::terms(question));
        let question = HashedNgrams::question(question, &rarity);
        self.own
            .search(&question, 2)
            .into_iter()
            .filter_map(line)
            .collect()
    }
}

impl LanguageModel for NgramModel {
    fn describe(&self) -> String {
        format!("built-in, {} words learned", self.trained.learned)
    }

    fn tokens(&self, mut prompt: Prompt, _: &Shutdown) -> TokenStream {
        prompt.passages.extend(listed(&prompt.instructions));
        if prompt.passages.is_empty() {
            prompt.passages = self.own_lines(&prompt.question);
        }
        let mut pace = interval(PACE);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let remaining = prompt.max_tokens;
        let writer = Writer::new(Arc::clone(&self.trained), &prompt);
        Box::pin(stream::unfold(
            (writer, pace, remaining),
            |(mut writer, mut pace, remaining)| async move {
                let remaining = remaining.checked_sub(1)?;
                pace.tick().await;
                Some((Ok(writer.next_token()), (writer, pace, remaining)))
            },
        ))
    }
}

/// Returns the list items of the instructions. The model follows no instructions, but uses listed texts as passages:
/// another agent sends its passages that way.
fn listed(instructions: &str) -> impl Iterator<Item = String> {
    let items = instructions
        .lines()
        .filter_map(|line| line.strip_prefix("- "));
    items.map(ToOwned::to_owned)
}

/// The state of one text that is being generated.
struct Writer {
    trained: Arc<Counts>,
    passages: Counts,
    random: fastrand::Rng,
    /// The last two words, the latest one second.
    before: (Word, Word),
    first: bool,
}

impl Writer {
    fn new(trained: Arc<Counts>, prompt: &Prompt) -> Self {
        let mut seed = DefaultHasher::new();
        (&prompt.question, prompt.history.len()).hash(&mut seed);
        let mut passages = Counts::default();
        prompt
            .passages
            .iter()
            .for_each(|passage| passages.learn(passage));
        let random = fastrand::Rng::with_seed(seed.finish());
        Self {
            trained,
            passages,
            random,
            before: start(),
            first: true,
        }
    }

    fn next_token(&mut self) -> String {
        let word = loop {
            match self.choose() {
                // The end of a sentence is not a token: the next sentence begins.
                word if &*word == END => self.before = start(),
                word => break word,
            }
        };
        let glued = self.first || word.chars().all(is_glued);
        let token = if glued {
            word.to_string()
        } else {
            format!(" {word}")
        };
        self.first = false;
        self.before.0 = std::mem::replace(&mut self.before.1, word);
        token
    }

    /// Returns the next word. There always is one: every learned word has a follower, and the model's own text has a
    /// first word.
    fn choose(&mut self) -> Word {
        // A sentence begins like one of the passages, if there are any.
        let stray = self.before != start() && self.random.u32(0..STRAY) == 0;
        let near = [
            self.passages.after_two.get_mut(&self.before),
            self.passages.after_one.get_mut(&self.before.1),
        ];
        let far = [
            self.trained.after_two.get(&self.before),
            self.trained.after_one.get(&self.before.1),
        ];
        for (near, far) in near.into_iter().zip(far) {
            if let Some(near) = near.filter(|_| !stray || far.is_none())
                && let Some(word) = sample(&mut self.random, near)
            {
                // A continuation is used up when it is chosen, so that the text does not repeat itself.
                near.entry(Word::clone(&word))
                    .and_modify(|count| *count -= 1);
                return word;
            }
            if let Some(word) = far.and_then(|far| sample(&mut self.random, far)) {
                return word;
            }
        }
        END.into()
    }
}

fn sample(random: &mut fastrand::Rng, followers: &Followers) -> Option<Word> {
    let total: u32 = followers.values().sum();
    let mut at = if total == 0 {
        return None;
    } else {
        random.u32(0..total)
    };
    for (word, count) in followers {
        match at.checked_sub(*count) {
            Some(rest) => at = rest,
            None => return Some(Word::clone(word)),
        }
    }
    None
}

type Word = Arc<str>;

/// How often each word followed; sorted, so that the same seed chooses the same word.
type Followers = BTreeMap<Word, u32>;

/// Markers of the start and the end of a sentence; no text contains them.
const START: &str = "\u{2}";
const END: &str = "\u{3}";

fn start() -> (Word, Word) {
    (START.into(), START.into())
}

/// The learned frequencies.
#[derive(Default, Clone)]
struct Counts {
    words: HashSet<Word>,
    after_two: HashMap<(Word, Word), Followers>,
    after_one: HashMap<Word, Followers>,
    learned: usize,
}

impl Counts {
    fn learn(&mut self, text: &str) {
        let mut before = (self.word(START), self.word(START));
        let mut open = false;
        for token in tokens(text) {
            self.learned += 1;
            self.follow(&mut before, token);
            open = !is_end(token);
            if !open {
                self.follow(&mut before, END);
                before = (self.word(START), self.word(START));
            }
        }
        if open {
            self.follow(&mut before, END);
        }
    }

    fn follow(&mut self, before: &mut (Word, Word), token: &str) {
        let word = self.word(token);
        let after_two = self.after_two.entry(before.clone()).or_default();
        *after_two.entry(Word::clone(&word)).or_default() += 1;
        let after_one = self.after_one.entry(Word::clone(&before.1)).or_default();
        *after_one.entry(Word::clone(&word)).or_default() += 1;
        before.0 = std::mem::replace(&mut before.1, word);
    }

    /// Returns the shared allocation of the word, of which there is one however often the word occurs.
    fn word(&mut self, text: &str) -> Word {
        if let Some(word) = self.words.get(text) {
            return Word::clone(word);
        }
        let word = Word::from(text);
        self.words.insert(Word::clone(&word));
        word
    }
}

/// Splits a text into words and the punctuation that is attached to the preceding word. Other characters, such as
/// quotes, are dropped.
fn tokens(text: &str) -> impl Iterator<Item = &str> {
    text.split_whitespace().flat_map(|piece| {
        let piece = piece.trim_matches(|c: char| !c.is_alphanumeric() && !is_glued(c));
        let word = piece.trim_end_matches(is_glued);
        let end = piece[word.len()..]
            .chars()
            .next()
            .map(|c| &piece[word.len()..word.len() + c.len_utf8()]);
        let word = word.trim_matches(|c: char| !c.is_alphanumeric());
        [Some(word).filter(|word| !word.is_empty()), end]
            .into_iter()
            .flatten()
    })
}

fn is_glued(c: char) -> bool {
    matches!(c, '.' | ',' | ';' | ':' | '!' | '?' | '。')
}

fn is_end(token: &str) -> bool {
    matches!(token, "." | "!" | "?" | "。")
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;

    use super::*;

    fn prompt(question: &str, passages: &[&str], max_tokens: usize) -> Prompt {
        let passages = passages.iter().map(ToString::to_string).collect();
        Prompt {
            question: question.into(),
            passages,
            max_tokens,
            ..Prompt::default()
        }
    }

    #[test]
    fn a_text_is_split_into_words_and_punctuation() {
        let found: Vec<_> = tokens("\"Stop,\" it (the app) said... at 3.5 s!").collect();
        assert_eq!(
            found,
            [
                "Stop", ",", "it", "the", "app", "said", ".", "at", "3.5", "s", "!"
            ]
        );
        assert_eq!(tokens("-- * ...").collect::<Vec<_>>(), ["."]);
    }

    /// Returns a scope that no stop is requested of.
    async fn shutdown() -> Shutdown {
        let running = lifecycle::Lifecycle::builder().start().await.unwrap();
        running.shutdown()
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_has_exactly_the_requested_tokens_at_a_steady_pace() {
        let model = NgramModel::untrained();
        let shutdown = shutdown().await;
        for wanted in [0, 1, 160] {
            let begun = tokio::time::Instant::now();
            let tokens: Vec<_> = model
                .tokens(prompt("What is a drain?", &[], wanted), &shutdown)
                .collect()
                .await;
            assert_eq!(tokens.len(), wanted);
            assert_eq!(begun.elapsed(), PACE * wanted.saturating_sub(1) as u32);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_same_question_gets_the_same_answer_and_others_get_others() {
        let model: Arc<dyn LanguageModel> = Arc::new(NgramModel::untrained());
        let shutdown = shutdown().await;
        let ask = async |question| {
            let answer = model.text(prompt(question, &[], 40), &shutdown).await;
            answer.unwrap()
        };
        assert_eq!(ask("What is a drain?").await, ask("What is a drain?").await);
        assert_ne!(
            ask("What is a drain?").await,
            ask("What is a signal?").await
        );
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_about_the_retrieved_passages() {
        let passage = "Tomatoes want sun and water. Tomatoes want a wall behind them.";
        let model: Arc<dyn LanguageModel> = Arc::new(NgramModel::untrained());
        let answer = model
            .text(prompt("tomatoes?", &[passage], 60), &shutdown().await)
            .await
            .unwrap();
        assert!(answer.contains("Tomatoes"), "{answer}");
        assert!(!answer.contains(" .") && !answer.contains(" ,"), "{answer}");
    }
}
