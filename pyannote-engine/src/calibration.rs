//! From a cosine to the probability that two voices are of one person.
//!
//! The curve was set on the ten AMI excerpts for tuning. For each speaker who says at least 6 s alone, the voice of one
//! half of that speech and of the other have cosines of 0.7 to 0.9; two people of one recording, up to 0.33 (and up to
//! 0.48 on the telephone of the sample recording), and of two recordings 0.08 ± 0.12. So the middle is at 0.5. The slope
//! is such that the two kinds of pairs have scores of about 85 to 95 and of 5 to 45: steeper, it would promise more than
//! so few people can tell. The same person in another room, or with another microphone, may have a cosine of 0.3 to 0.5,
//! and then comes out below 50. `cargo xtask bench identification` measures it.

/// Where it is as likely as not.
const EVEN: f32 = 0.5;
/// How fast it changes there.
const SLOPE: f32 = 8.0;

/// How likely two voices are of one person, 0 to 1.
pub(super) fn same_speaker_probability(cosine: f32) -> f32 {
    1.0 / (1.0 + (-SLOPE * (cosine - EVEN)).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_is_in_the_middle_of_the_same_and_of_others() {
        assert_eq!(same_speaker_probability(EVEN), 0.5);
        assert!(same_speaker_probability(0.75) > 0.85 && same_speaker_probability(0.1) < 0.1);
        assert!(same_speaker_probability(-1.0) > 0.0 && same_speaker_probability(1.0) < 1.0);
    }
}
