//! The memory of the replay guard.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use super::signature::Tag;

/// Recently accepted deliveries, each identified by its timestamp and signature.
///
/// Its size is bounded: if it is full, the oldest delivery is forgotten. Only authentic deliveries are stored, so
/// others cannot fill it.
#[derive(Debug)]
pub(super) struct ReplayGuard {
    /// Ordered by timestamp, so that the oldest comes first.
    accepted: BTreeSet<(SystemTime, Tag)>,
    capacity: usize,
}

impl ReplayGuard {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            accepted: BTreeSet::new(),
            capacity: capacity.max(1),
        }
    }

    /// Remembers a delivery. Returns false if it is already remembered.
    pub(super) fn insert(
        &mut self,
        timestamp: SystemTime,
        tag: Tag,
        now: SystemTime,
        tolerance: Duration,
    ) -> bool {
        self.remove_expired(now, tolerance);
        if !self.accepted.insert((timestamp, tag)) {
            return false;
        }
        if self.accepted.len() > self.capacity {
            self.accepted.pop_first();
        }
        true
    }

    /// Forgets a delivery, so that it is accepted again.
    pub(super) fn remove(&mut self, timestamp: SystemTime, tag: Tag) {
        self.accepted.remove(&(timestamp, tag));
    }

    /// Forgets deliveries older than the tolerance, which are rejected because of their age.
    fn remove_expired(&mut self, now: SystemTime, tolerance: Duration) {
        // The comparison must be the same as in `Verifier::check_age`.
        let is_expired = |timestamp: &SystemTime| {
            now.duration_since(*timestamp)
                .is_ok_and(|age| age > tolerance)
        };
        while let Some((timestamp, _)) = self.accepted.first()
            && is_expired(timestamp)
        {
            self.accepted.pop_first();
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
    fn full_guard_forgets_the_oldest_delivery() {
        let mut guard = ReplayGuard::new(3);
        for second in 0..10 {
            assert!(guard.insert(at(second), Tag::default(), at(10), TOLERANCE));
            assert!(guard.accepted.len() <= 3);
        }
        for second in 7..10 {
            assert!(
                !guard.insert(at(second), Tag::default(), at(10), TOLERANCE),
                "{second}"
            );
        }
        assert!(guard.insert(at(11), Tag::default(), at(10), TOLERANCE));
        assert!(
            !guard.insert(at(8), Tag::default(), at(10), TOLERANCE),
            "7 is forgotten, 8 is not"
        );
    }

    #[test]
    fn only_expired_deliveries_are_forgotten() {
        let mut guard = ReplayGuard::new(100);
        assert!(guard.insert(at(0), Tag::default(), at(0), TOLERANCE));
        assert!(guard.insert(at(100), Tag::default(), at(0), TOLERANCE));
        assert!(
            !guard.insert(at(0), Tag::default(), at(300), TOLERANCE),
            "300 s old is still accepted"
        );
        assert!(guard.insert(at(301), Tag::default(), at(301), TOLERANCE));
        assert_eq!(guard.accepted.len(), 2, "the one at 0 is gone");
    }

    #[test]
    fn capacity_zero_counts_as_one() {
        let mut guard = ReplayGuard::new(0);
        assert!(guard.insert(at(0), Tag::default(), at(0), TOLERANCE));
        assert!(!guard.insert(at(0), Tag::default(), at(0), TOLERANCE));
    }

    proptest! {
        #[test]
        fn never_exceeds_the_capacity(deliveries in proptest::collection::vec((0_u64..2_000, any::<u8>(), 0_u64..2_000), 0..200), capacity in 0_usize..20) {
            let mut guard = ReplayGuard::new(capacity);
            for (timestamp, tag, now) in deliveries {
                guard.insert(at(timestamp), [tag; 32], at(now), TOLERANCE);
                prop_assert!(guard.accepted.len() <= capacity.max(1));
            }
        }
    }
}
