//! The replay guard's memory: which deliveries were accepted lately.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use super::signature::Tag;

/// Deliveries accepted lately, each known by its timestamp and signature. Bounded: only genuine deliveries get in, so
/// nobody else can fill it, and the oldest leaves when it is full.
#[derive(Debug)]
pub(super) struct Accepted {
    /// Ordered by timestamp, so that the oldest is at hand.
    seen: BTreeSet<(SystemTime, Tag)>,
    capacity: usize,
}

impl Accepted {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            seen: BTreeSet::new(),
            capacity: capacity.max(1),
        }
    }

    /// Remembers a delivery. False if it is remembered already.
    pub(super) fn insert(
        &mut self,
        timestamp: SystemTime,
        tag: Tag,
        now: SystemTime,
        tolerance: Duration,
    ) -> bool {
        self.forget_stale(now, tolerance);
        if !self.seen.insert((timestamp, tag)) {
            return false;
        }
        if self.seen.len() > self.capacity {
            self.seen.pop_first();
        }
        true
    }

    /// Forgets a delivery, so that it may come again.
    pub(super) fn remove(&mut self, timestamp: SystemTime, tag: Tag) {
        self.seen.remove(&(timestamp, tag));
    }

    /// What is older than the tolerance is refused for its age: it need not be remembered.
    fn forget_stale(&mut self, now: SystemTime, tolerance: Duration) {
        while let Some((timestamp, _)) = self.seen.first() {
            // Compared exactly as the verifier compares ages.
            if !now
                .duration_since(*timestamp)
                .is_ok_and(|age| age > tolerance)
            {
                break;
            }
            self.seen.pop_first();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    const TOLERANCE: Duration = Duration::from_secs(300);

    #[test]
    fn memory_is_bounded_and_the_oldest_goes_first() {
        let mut accepted = Accepted::new(3);
        for second in 0..10 {
            assert!(accepted.insert(at(second), Tag::default(), at(10), TOLERANCE));
            assert!(accepted.seen.len() <= 3);
        }
        for second in 7..10 {
            assert!(
                !accepted.insert(at(second), Tag::default(), at(10), TOLERANCE),
                "{second}"
            );
        }
        assert!(accepted.insert(at(11), Tag::default(), at(10), TOLERANCE));
        assert!(
            !accepted.insert(at(8), Tag::default(), at(10), TOLERANCE),
            "7 had to go, not 8"
        );
    }

    #[test]
    fn only_what_is_too_old_to_be_accepted_is_forgotten() {
        let mut accepted = Accepted::new(100);
        assert!(accepted.insert(at(0), Tag::default(), at(0), TOLERANCE));
        assert!(accepted.insert(at(100), Tag::default(), at(0), TOLERANCE));
        assert!(
            !accepted.insert(at(0), Tag::default(), at(300), TOLERANCE),
            "300 s old is still accepted"
        );
        assert!(accepted.insert(at(301), Tag::default(), at(301), TOLERANCE));
        assert_eq!(accepted.seen.len(), 2, "the one at 0 is gone");
    }

    #[test]
    fn no_room_at_all_counts_as_room_for_one() {
        let mut accepted = Accepted::new(0);
        assert!(accepted.insert(at(0), Tag::default(), at(0), TOLERANCE));
        assert!(!accepted.insert(at(0), Tag::default(), at(0), TOLERANCE));
    }

    proptest! {
        #[test]
        fn never_more_than_the_capacity(deliveries in proptest::collection::vec((0_u64..2_000, any::<u8>(), 0_u64..2_000), 0..200), capacity in 0_usize..20) {
            let mut accepted = Accepted::new(capacity);
            for (timestamp, tag, now) in deliveries {
                accepted.insert(at(timestamp), [tag; 32], at(now), TOLERANCE);
                prop_assert!(accepted.seen.len() <= capacity.max(1));
            }
        }
    }
}
