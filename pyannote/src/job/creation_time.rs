//! Restricts a listing to jobs that were created in some time. The service cannot, so the client does.

use chrono::{DateTime, Utc};

/// The time in which the jobs of a listing were created.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct CreationTime {
    /// Inclusive.
    pub(super) after: Option<DateTime<Utc>>,
    /// Exclusive.
    pub(super) before: Option<DateTime<Utc>>,
}

impl CreationTime {
    /// Whether a job that was created at this time is listed. Jobs without a time are, since they may be in range.
    pub(super) fn contains(&self, created_at: Option<DateTime<Utc>>) -> bool {
        created_at.is_none_or(|time| {
            self.after.is_none_or(|after| time >= after)
                && self.before.is_none_or(|before| time < before)
        })
    }

    /// Whether no page after one with jobs of these times can have a job in range. Jobs are listed newest first.
    pub(super) fn ends_in(
        &self,
        created_at: impl DoubleEndedIterator<Item = Option<DateTime<Utc>>>,
    ) -> bool {
        let oldest = created_at.rev().flatten().next();
        oldest.is_some_and(|oldest| self.after.is_some_and(|after| oldest < after))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    #[test]
    fn the_start_is_included_and_the_end_is_not() {
        for (after, before, listed) in [
            (None, None, vec![1, 2, 3, 4]),
            (Some(2), None, vec![2, 3, 4]),
            (None, Some(3), vec![1, 2]),
            (Some(2), Some(4), vec![2, 3]),
            (Some(4), Some(2), vec![]),
        ] {
            let time = CreationTime {
                after: after.map(at),
                before: before.map(at),
            };
            let contained: Vec<i64> = (1..=4)
                .filter(|second| time.contains(Some(at(*second))))
                .collect();
            assert_eq!(contained, listed, "{time:?}");
            assert!(time.contains(None));
        }
    }

    #[test]
    fn ends_at_a_page_whose_last_job_is_too_old() {
        for (after, page, ends) in [
            (Some(5), vec![Some(7), Some(6), Some(5)], false),
            (Some(5), vec![Some(7), Some(4)], true),
            (Some(5), vec![Some(4), None], true),
            (Some(5), vec![None, None], false),
            (Some(5), vec![], false),
            (None, vec![Some(4)], false),
        ] {
            let time = CreationTime {
                after: after.map(at),
                before: Some(at(1)),
            };
            let times = page.iter().map(|second| second.map(at));
            assert_eq!(time.ends_in(times), ends, "{after:?} {page:?}");
        }
    }
}
