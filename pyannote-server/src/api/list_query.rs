//! Query of the job list.

use uuid::Uuid;

use crate::violation::Violation;

/// Jobs per page, unless the query says otherwise.
const DEFAULT_LIMIT: usize = 10;
/// Range of jobs per page.
const LIMIT_RANGE: std::ops::RangeInclusive<usize> = 1..=100;
/// Statuses to filter by.
const STATUSES: [&str; 6] = [
    "pending",
    "created",
    "succeeded",
    "canceled",
    "failed",
    "running",
];

/// Query of the job list.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct ListQuery {
    /// Maximum number of jobs.
    pub(super) limit: usize,
    /// Last job of the previous page.
    pub(super) cursor: Option<Uuid>,
    pub(super) status: Option<String>,
}

impl ListQuery {
    /// Parses a query string. Unknown parameters are ignored; the last value of a repeated parameter counts.
    pub(super) fn parse(text: &str) -> Result<Self, Vec<Violation>> {
        let mut query = Self {
            limit: DEFAULT_LIMIT,
            cursor: None,
            status: None,
        };
        let mut violations = Vec::new();
        for (name, value) in url::form_urlencoded::parse(text.as_bytes()) {
            match name.as_ref() {
                "limit" => match value.parse() {
                    Ok(limit) if LIMIT_RANGE.contains(&limit) => query.limit = limit,
                    _ => {
                        violations.push(Violation::new("limit", "must be an integer from 1 to 100"))
                    }
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
    fn parses_valid_queries_and_reports_all_violations() {
        let fields = |text: &str| match ListQuery::parse(text) {
            Ok(_) => Vec::new(),
            Err(violations) => violations
                .into_iter()
                .map(|violation| violation.field)
                .collect(),
        };
        let id = Uuid::nil();
        for valid in [
            "",
            "limit=1",
            "limit=100&status=pending&other=1",
            &format!("cursor={id}"),
        ] {
            assert!(fields(valid).is_empty(), "{valid}");
        }
        assert_eq!(ListQuery::parse("").unwrap().limit, 10);
        assert_eq!(ListQuery::parse("limit=5&limit=7").unwrap().limit, 7);
        for (invalid, expected) in [
            ("limit=0", vec!["limit"]),
            ("limit=101", vec!["limit"]),
            ("limit=1.5", vec!["limit"]),
            ("limit=", vec!["limit"]),
            (
                "status=done&cursor=1&limit=x",
                vec!["status", "cursor", "limit"],
            ),
        ] {
            assert_eq!(fields(invalid), expected, "{invalid}");
        }
    }
}
