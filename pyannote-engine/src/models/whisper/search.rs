//! The search for the most probable tokens: beam search, and sampling at a temperature.

use fastrand::Rng;

/// What continues hypotheses, each by one token.
pub(crate) trait Continue {
    /// Appends a token to each of some hypotheses and returns the logits of the next tokens, a row for each.
    ///
    /// A hypothesis is given by its row of the previous call; the first call has rows of what [`search`] started with.
    fn advance(&mut self, hypotheses: &[(usize, u32)]) -> Vec<f32>;
}

/// Which tokens the search may choose.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rules {
    /// The token of the end. Tokens above it are never chosen.
    pub(crate) end: u32,
    /// Tokens that are never chosen.
    pub(crate) suppressed: Vec<u32>,
    /// Tokens that are not chosen first.
    pub(crate) suppressed_first: Vec<u32>,
    /// The maximum number of tokens.
    pub(crate) max_tokens: usize,
}

/// How tokens are chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Method {
    /// The most probable hypotheses are kept: this many.
    Beam(usize),
    /// Tokens are drawn from the distribution at a temperature, for this many hypotheses.
    Sample(f32, usize),
}

/// Tokens, without that of the end, and how probable they are.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Hypothesis {
    pub(crate) tokens: Vec<u32>,
    /// The natural logarithm of the probability of each token, given those before.
    pub(crate) log_probs: Vec<f32>,
    /// That of all tokens including the end.
    pub(crate) sum: f32,
}

impl Hypothesis {
    /// The mean of the logarithms of the tokens' probabilities, including the end.
    pub(crate) fn mean_log_prob(&self) -> f32 {
        self.sum / (self.tokens.len() + 1) as f32
    }

    fn with(&self, token: u32, log_prob: f32) -> Self {
        let mut next = self.clone();
        next.tokens.push(token);
        next.log_probs.push(log_prob);
        next.sum += log_prob;
        next
    }

    fn ended(&self, log_prob: f32) -> Self {
        let mut ended = self.clone();
        ended.sum += log_prob;
        ended
    }
}

/// Finds the most probable hypothesis, by the mean of its logarithms (a length penalty of 1).
///
/// `logits` are those of the first token. A beam search ends as soon as as many hypotheses have ended as it keeps (a
/// patience of 1). `cancelled` is asked after each token.
pub(crate) fn search(
    model: &mut impl Continue,
    logits: &[f32],
    rules: &Rules,
    method: Method,
    rng: &mut Rng,
    cancelled: &dyn Fn() -> bool,
) -> Hypothesis {
    let size = match method {
        Method::Beam(size) | Method::Sample(_, size) => size.max(1),
    };
    let columns = logits.len();
    let mut logits = logits.to_vec();
    // Hypotheses that have not ended, with their rows of the logits.
    let mut live = match method {
        Method::Beam(_) => vec![(Hypothesis::default(), 0)],
        Method::Sample(..) => vec![(Hypothesis::default(), 0); size],
    };
    let mut ended: Vec<Hypothesis> = Vec::new();
    for step in 0..rules.max_tokens {
        for row in logits.chunks_exact_mut(columns.max(1)) {
            rules.apply(row, step == 0);
        }
        let row = |index: usize| &logits[index * columns..][..columns];
        let mut next = Vec::new();
        match method {
            Method::Beam(_) => {
                let mut candidates: Vec<(usize, u32, f32)> = Vec::new();
                for (index, (_, at)) in live.iter().enumerate() {
                    let best = best(row(*at), size + 1).into_iter();
                    candidates.extend(best.map(|(token, log_prob)| (index, token, log_prob)));
                }
                let sum = |(index, _, log_prob): &(usize, u32, f32)| live[*index].0.sum + log_prob;
                candidates.sort_by(|a, b| sum(b).total_cmp(&sum(a)));
                for (index, token, log_prob) in candidates {
                    let (hypothesis, at) = &live[index];
                    if token == rules.end {
                        ended.push(hypothesis.ended(log_prob));
                    } else {
                        next.push((hypothesis.with(token, log_prob), *at));
                        if next.len() == size {
                            break;
                        }
                    }
                }
                if ended.len() >= size {
                    next.clear();
                }
            }
            Method::Sample(temperature, _) => {
                for (hypothesis, at) in &live {
                    let token = draw(row(*at), temperature, rng);
                    let log_prob = row(*at)[token as usize];
                    match token == rules.end {
                        true => ended.push(hypothesis.ended(log_prob)),
                        false => next.push((hypothesis.with(token, log_prob), *at)),
                    }
                }
            }
        }
        live.clear();
        if next.is_empty() || cancelled() {
            break;
        }
        let hypotheses: Vec<_> = next
            .iter()
            .filter_map(|(hypothesis, at)| Some((*at, *hypothesis.tokens.last()?)))
            .collect();
        live = next
            .into_iter()
            .enumerate()
            .map(|(at, (hypothesis, _))| (hypothesis, at))
            .collect();
        if step + 1 < rules.max_tokens {
            logits = model.advance(&hypotheses);
        }
    }
    // Those that are too long.
    ended.extend(live.into_iter().map(|(hypothesis, _)| hypothesis));
    let best = ended
        .into_iter()
        .min_by(|a, b| b.mean_log_prob().total_cmp(&a.mean_log_prob()));
    best.unwrap_or_default()
}

impl Rules {
    /// Converts logits to the logarithms of probabilities, of tokens that may be chosen.
    fn apply(&self, logits: &mut [f32], is_first: bool) {
        let end = self.end as usize + 1;
        if let Some(above) = logits.get_mut(end..) {
            above.fill(f32::NEG_INFINITY);
        }
        let first = if is_first {
            &self.suppressed_first[..]
        } else {
            &[]
        };
        for token in self.suppressed.iter().chain(first) {
            if let Some(logit) = logits.get_mut(*token as usize) {
                *logit = f32::NEG_INFINITY;
            }
        }
        let used = logits.len().min(end);
        log_softmax(&mut logits[..used]);
    }
}

/// The logarithm of the softmax, in place.
pub(crate) fn log_softmax(values: &mut [f32]) {
    let max = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut exponentials = values.to_vec();
    crate::models::nn::softmax(&mut exponentials, values.len());
    // The softmax of the maximum is 1 / sum.
    let largest = exponentials.iter().copied().fold(0.0, f32::max);
    let shift = max - largest.ln();
    values.iter_mut().for_each(|value| *value -= shift);
}

/// The tokens with the greatest values, which are finite, in descending order.
fn best(values: &[f32], count: usize) -> Vec<(u32, f32)> {
    let mut best: Vec<(u32, f32)> = Vec::with_capacity(count + 1);
    let mut least = f32::NEG_INFINITY;
    for (token, value) in values.iter().enumerate() {
        if *value > least {
            let at = best.partition_point(|(_, other)| other >= value);
            best.insert(at, (token as u32, *value));
            if best.len() > count {
                best.pop();
            }
            if best.len() == count
                && let Some((_, last)) = best.last()
            {
                least = *last;
            }
        }
    }
    best
}

/// Draws a token from the distribution with these logarithms, at a temperature.
fn draw(log_probs: &[f32], temperature: f32, rng: &mut Rng) -> u32 {
    let max = log_probs.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let weight = |value: f32| f64::from((value - max) / temperature).exp();
    let total: f64 = log_probs.iter().map(|value| weight(*value)).sum();
    let mut remaining = rng.f64() * total;
    let mut last = 0;
    for (token, value) in log_probs.iter().enumerate() {
        let weight = weight(*value);
        if weight > 0.0 {
            last = token as u32;
            remaining -= weight;
            if remaining < 0.0 {
                break;
            }
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    const END: u32 = 3;

    /// Tokens 0, 1 and 2, and the end. The probabilities depend on the tokens so far.
    struct Toy {
        probabilities: fn(&[u32]) -> [f32; 5],
        rows: Vec<Vec<u32>>,
        most_rows: usize,
    }

    impl Toy {
        fn new(probabilities: fn(&[u32]) -> [f32; 5]) -> Self {
            Self {
                probabilities,
                rows: vec![Vec::new()],
                most_rows: 1,
            }
        }

        fn logits(&self) -> Vec<f32> {
            let rows = self.rows.iter();
            // An offset, since logits are no probabilities.
            rows.flat_map(|row| (self.probabilities)(row).map(|p| p.ln() + 7.0))
                .collect()
        }

        fn run(&mut self, rules: &Rules, method: Method) -> Hypothesis {
            let logits = self.logits();
            search(
                self,
                &logits,
                rules,
                method,
                &mut Rng::with_seed(1),
                &|| false,
            )
        }
    }

    impl Continue for Toy {
        fn advance(&mut self, hypotheses: &[(usize, u32)]) -> Vec<f32> {
            let extended = |(row, token): &(usize, u32)| {
                let mut tokens = self.rows[*row].clone();
                tokens.push(*token);
                tokens
            };
            self.rows = hypotheses.iter().map(extended).collect();
            self.most_rows = self.most_rows.max(self.rows.len());
            self.logits()
        }
    }

    fn rules() -> Rules {
        Rules {
            end: END,
            max_tokens: 8,
            ..Rules::default()
        }
    }

    /// Token 0 is more probable at first, but what follows token 1 is certain.
    fn garden_path(tokens: &[u32]) -> [f32; 5] {
        match tokens {
            [] => [0.6, 0.4, 0.0, 0.0, 0.0],
            [0] => [0.3, 0.3, 0.3, 0.1, 0.0],
            [1] => [0.0, 0.0, 1.0, 0.0, 0.0],
            [1, 2] => [0.0, 0.0, 0.0, 1.0, 0.0],
            _ => [0.25, 0.25, 0.25, 0.25, 0.0],
        }
    }

    #[test]
    fn a_beam_finds_what_the_best_single_tokens_miss() {
        let greedy = Toy::new(garden_path).run(&rules(), Method::Beam(1));
        assert_eq!(greedy.tokens[0], 0);
        let mut toy = Toy::new(garden_path);
        let found = toy.run(&rules(), Method::Beam(3));
        assert_eq!(found.tokens, [1, 2]);
        assert!((found.sum - 0.4_f32.ln()).abs() < 1e-5);
        assert!((found.mean_log_prob() - 0.4_f32.ln() / 3.0).abs() < 1e-5);
        assert!(
            (found.log_probs[0] - 0.4_f32.ln()).abs() < 1e-5 && found.log_probs[1].abs() < 1e-5
        );
        assert_eq!(toy.most_rows, 3);
    }

    #[test]
    fn suppressed_tokens_and_those_above_the_end_are_never_chosen() {
        let probabilities = |tokens: &[u32]| match tokens {
            [] => [0.1, 0.2, 0.3, 0.0, 0.4],
            _ => [0.1, 0.2, 0.3, 0.3, 0.1],
        };
        for method in [Method::Beam(2), Method::Sample(1.0, 2)] {
            let rules = Rules {
                suppressed: vec![1, 77],
                suppressed_first: vec![2],
                ..rules()
            };
            let found = Toy::new(probabilities).run(&rules, method);
            assert_eq!(found.tokens[0], 0, "{method:?}");
            assert!(found.log_probs[0].abs() < 1e-5);
            assert!(found.tokens.iter().all(|token| [0, 2].contains(token)));
        }
    }

    #[test]
    fn the_number_of_tokens_is_limited() {
        let endless = |_: &[u32]| [0.5, 0.5, 0.0, 0.0, 0.0];
        for method in [Method::Beam(5), Method::Sample(0.5, 3)] {
            assert_eq!(Toy::new(endless).run(&rules(), method).tokens.len(), 8);
            let none = Rules {
                max_tokens: 0,
                ..rules()
            };
            assert_eq!(Toy::new(endless).run(&none, method), Hypothesis::default());
        }
    }

    #[test]
    fn samples_are_reproducible_and_follow_the_temperature() {
        let flat = |tokens: &[u32]| match tokens.len() {
            0..7 => [0.4, 0.3, 0.3, 0.0, 0.0],
            _ => [0.0, 0.0, 0.0, 1.0, 0.0],
        };
        let first = Toy::new(flat).run(&rules(), Method::Sample(1.0, 1));
        assert_eq!(first, Toy::new(flat).run(&rules(), Method::Sample(1.0, 1)));
        assert!(first.tokens.iter().any(|token| *token != 0));
        let cold = Toy::new(flat).run(&rules(), Method::Sample(0.001, 1));
        assert_eq!(cold.tokens, [0; 7]);
        let log_probs = [0.5_f32.ln(), f32::NEG_INFINITY, 0.5_f32.ln()];
        let mut rng = Rng::with_seed(7);
        let drawn: Vec<_> = (0..1_000)
            .map(|_| draw(&log_probs, 1.0, &mut rng))
            .collect();
        let zeros = drawn.iter().filter(|token| **token == 0).count();
        assert!(
            drawn.iter().all(|token| *token != 1) && (400..600).contains(&zeros),
            "{zeros}"
        );
    }

    #[test]
    fn a_cancelled_search_ends() {
        let mut toy = Toy::new(|_| [0.5, 0.5, 0.0, 0.0, 0.0]);
        let logits = toy.logits();
        let rng = &mut Rng::with_seed(1);
        search(&mut toy, &logits, &rules(), Method::Beam(2), rng, &|| true);
        assert_eq!(toy.most_rows, 1);
    }

    #[test]
    fn best_values_are_sorted_and_finite() {
        let values = [0.1, f32::NEG_INFINITY, 0.5, 0.3, 0.5, f32::NAN];
        assert_eq!(best(&values, 3), [(2, 0.5), (4, 0.5), (3, 0.3)]);
        assert_eq!(best(&values, 9).len(), 4);
    }
}
