//! A plain implementation of BERT, with loops and double precision.

use super::tiny::{DIMENSIONS, EPSILON, HEADS, LAYERS, Tiny};

type Rows = Vec<Vec<f64>>;

/// Returns the vector of a text with these tokens.
pub fn sentence(tiny: &Tiny, tokens: &[usize]) -> Vec<f32> {
    let row = |name: &str, row: usize| -> Vec<f64> {
        let table = tiny.table(&format!("embeddings.{name}_embeddings.weight"));
        let values = &table.values[row * table.columns..][..table.columns];
        values.iter().copied().map(f64::from).collect()
    };
    let mut rows: Rows = tokens
        .iter()
        .enumerate()
        .map(|(position, token)| {
            let sum = add(&row("word", *token), &row("position", position));
            norm(
                tiny,
                "embeddings.LayerNorm",
                &add(&sum, &row("token_type", 0)),
            )
        })
        .collect();
    for layer in 0..LAYERS {
        let at = |part: &str| format!("encoder.layer.{layer}.{part}");
        let attended = attend(tiny, &at("attention.self"), &rows);
        for (row, attended) in rows.iter_mut().zip(attended) {
            let mixed = linear(tiny, &at("attention.output.dense"), &attended);
            let kept = norm(tiny, &at("attention.output.LayerNorm"), &add(&mixed, row));
            let mut between = linear(tiny, &at("intermediate.dense"), &kept);
            between.iter_mut().for_each(|value| *value = gelu(*value));
            let out = linear(tiny, &at("output.dense"), &between);
            *row = norm(tiny, &at("output.LayerNorm"), &add(&out, &kept));
        }
    }
    let mean = rows
        .iter()
        .fold(vec![0.0; DIMENSIONS], |sum, row| add(&sum, row));
    let length = mean.iter().map(|value| value * value).sum::<f64>().sqrt();
    mean.iter().map(|value| (value / length) as f32).collect()
}

fn attend(tiny: &Tiny, at: &str, rows: &Rows) -> Rows {
    let part = |name: &str| -> Rows {
        let of = |row: &Vec<f64>| linear(tiny, &format!("{at}.{name}"), row);
        rows.iter().map(of).collect()
    };
    let (queries, keys, values) = (part("query"), part("key"), part("value"));
    let size = DIMENSIONS / HEADS;
    let mut attended = vec![vec![0.0; DIMENSIONS]; rows.len()];
    for head in 0..HEADS {
        let mine = head * size..(head + 1) * size;
        for (query, out) in queries.iter().zip(&mut attended) {
            let scores = keys.iter().map(|key| {
                let products = mine.clone().map(|at| query[at] * key[at]);
                (products.sum::<f64>() / (size as f64).sqrt()).exp()
            });
            let scores: Vec<f64> = scores.collect();
            let all: f64 = scores.iter().sum();
            for (score, value) in scores.iter().zip(&values) {
                mine.clone()
                    .for_each(|at| out[at] += score / all * value[at]);
            }
        }
    }
    attended
}

fn linear(tiny: &Tiny, name: &str, row: &[f64]) -> Vec<f64> {
    let weights = tiny.table(&format!("{name}.weight"));
    let biases = tiny.table(&format!("{name}.bias"));
    let rows = weights.values.chunks_exact(weights.columns);
    let out = rows.zip(&biases.values).map(|(weights, bias)| {
        let products = weights
            .iter()
            .zip(row)
            .map(|(weight, value)| f64::from(*weight) * value);
        f64::from(*bias) + products.sum::<f64>()
    });
    out.collect()
}

fn norm(tiny: &Tiny, name: &str, row: &[f64]) -> Vec<f64> {
    let weights = &tiny.table(&format!("{name}.weight")).values;
    let biases = &tiny.table(&format!("{name}.bias")).values;
    let count = row.len() as f64;
    let mean = row.iter().sum::<f64>() / count;
    let variance = row.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
    let scaled = row
        .iter()
        .map(|value| (value - mean) / (variance + EPSILON).sqrt());
    let out = scaled.zip(weights.iter().zip(biases));
    out.map(|(value, (weight, bias))| value * f64::from(*weight) + f64::from(*bias))
        .collect()
}

fn add(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a + b).collect()
}

/// Returns x times the share of a normal distribution below x. The error function is integrated by Simpson's rule.
fn gelu(x: f64) -> f64 {
    const STEPS: usize = 200;
    let to = x / 2f64.sqrt();
    let step = to / STEPS as f64;
    let density = |at: usize| (-(at as f64 * step).powi(2)).exp();
    let inner: f64 = (1..STEPS)
        .map(|at| density(at) * if at % 2 == 1 { 4.0 } else { 2.0 })
        .sum();
    let integral = step / 3.0 * (density(0) + inner + density(STEPS));
    let erf = 2.0 / std::f64::consts::PI.sqrt() * integral;
    x * (1.0 + erf) / 2.0
}
