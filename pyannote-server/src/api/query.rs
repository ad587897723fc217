//! The query of the listing of jobs.

use uuid::Uuid;

use crate::violation::Violation;

/// How many jobs a page holds, where the query does not say.
const LIMIT: usize = 10;
/// How many it may hold.
const LIMITS: std::ops::RangeInclusive<usize> = 1..=100;
/// The statuses that can be asked for.
const STATUSES: [&str; 6] = [
    "pending",
    "created",
    "succeeded",
    "canceled",
    "failed",
    "running",
];

/// What is to be listed.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Query {
    pub(super) limit: usize,
    pub(super) cursor: Option<Uuid>,
    pub(super) status: Option<String>,
}

impl Query {
    /// Reads a query. Names that it does not know pass; of a name that is there twice, the last counts.
    pub(super) fn read(text: &str) -> Result<Self, Vec<Violation>> {
        let mut query = Self {
            limit: LIMIT,
            cursor: None,
            status: None,
        };
        let mut violations = Vec::new();
        for (name, value) in url::form_urlencoded::parse(text.as_bytes()) {
            match name.as_ref() {
                "limit" => match value.parse() {
                    Ok(limit) if LIMITS.contains(&limit) => query.limit = limit,
                    _ => violations.push(Violation::new(
                        "limit",
                        "must be a whole number from 1 to 100",
                    )),
                },
                "cursor" => match value.parse() {
                    Ok(cursor) => query.cursor = Some(cursor),
                    Err(_) => violations.push(Violation::new("cursor", "must be a UUID")),
                },
                "status" => match STATUSES.contains(&value.as_ref()) {
                    true => query.status = Some(value.into_owned()),
                    false => violations.push(Violation::new(
                        "status",
                        format!("must be one of {}", STATUSES.join(", ")),
                    )),
                },
                _ => {}
            }
        }
        match violations.is_empty() {
            true => Ok(query),
            false => Err(violations),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries() {
        let fields = |text: &str| match Query::read(text) {
            Ok(_) => Vec::new(),
            Err(violations) => violations
                .into_iter()
                .map(|violation| violation.field)
                .collect(),
        };
        let id = Uuid::nil();
        for good in [
            "",
            "limit=1",
            "limit=100&status=pending&other=1",
            &format!("cursor={id}"),
        ] {
            assert!(fields(good).is_empty(), "{good}");
        }
        assert_eq!(Query::read("").unwrap().limit, 10);
        assert_eq!(Query::read("limit=5&limit=7").unwrap().limit, 7);
        for (bad, expected) in [
            ("limit=0", vec!["limit"]),
            ("limit=101", vec!["limit"]),
            ("limit=1.5", vec!["limit"]),
            ("limit=", vec!["limit"]),
            (
                "status=done&cursor=1&limit=x",
                vec!["status", "cursor", "limit"],
            ),
        ] {
            assert_eq!(fields(bad), expected, "{bad}");
        }
    }
}
