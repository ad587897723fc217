//! From a cosine to the probability that two voices are of one person.

/// Where it is as likely as not.
const EVEN: f32 = 0.45;
/// How fast it changes there.
const SLOPE: f32 = 10.0;

/// How likely two voices are of one person, 0 to 1.
pub(super) fn same_voice(cosine: f32) -> f32 {
    1.0 / (1.0 + (-SLOPE * (cosine - EVEN)).exp())
}
