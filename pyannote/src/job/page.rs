//! Pages of the listing: what can be read of one, and whether another one follows.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use tracing::warn;

use super::list::{JobPage, JobSummary};
use super::{JobId, JobStatus};

/// Number of consecutive empty pages after which a listing ends. A service that filters page by page may return some.
const MAX_EMPTY_PAGES: u32 = 100;

impl<'de> Deserialize<'de> for JobPage {
    /// Requires `items` to be an array. One item that cannot be read must not hide the others.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Page {
            // Read one by one: a text or a number that is invalid fails the item, or only the field, that it is in.
            items: Vec<Box<RawValue>>,
            #[serde(default)]
            next_cursor: Value,
        }
        let page = Page::deserialize(deserializer)?;
        let next_cursor = match page.next_cursor {
            Value::Null => None,
            Value::String(cursor) => Some(cursor).filter(|cursor| !cursor.is_empty()),
            Value::Number(cursor) => Some(cursor.to_string()),
            _ => return Err(D::Error::custom("`nextCursor` is not a string")),
        };
        let count = page.items.len();
        let items: Vec<JobSummary> = page.items.iter().filter_map(|item| summary(item)).collect();
        let skipped = count - items.len();
        if skipped > 0 {
            warn!(skipped, "the listing has items without a readable id");
        }
        Ok(Self {
            items,
            skipped,
            next_cursor,
        })
    }
}

impl<'de> Deserialize<'de> for JobSummary {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let item = Box::<RawValue>::deserialize(deserializer)?;
        summary(&item).ok_or_else(|| D::Error::missing_field("id"))
    }
}

/// Reads an item of the listing, which only needs an id.
fn summary(item: &RawValue) -> Option<JobSummary> {
    let mut fields = match serde_json::from_str(item.get()) {
        Ok(fields) => fields,
        Err(_) => readable_fields(item)?,
    };
    let id = match fields.get("id")? {
        Value::String(id) => JobId::from(id.as_str()),
        Value::Number(id) => JobId::from(id.to_string()),
        _ => return None,
    };
    id.path_segment()?;
    fields.remove("id");
    let status = match fields.remove("status").unwrap_or_default() {
        Value::String(status) => JobStatus::from(status),
        other => JobStatus::from(other.to_string()),
    };
    let created_at = created_at(&fields);
    if created_at.is_some() {
        fields.remove("createdAt");
    }
    Some(JobSummary {
        id,
        status,
        created_at,
        extra: fields,
    })
}

/// The fields of an object that can be read, whatever the others are.
fn readable_fields(item: &RawValue) -> Option<Map<String, Value>> {
    let fields: HashMap<String, &RawValue> = serde_json::from_str(item.get()).ok()?;
    let fields = fields.into_iter();
    Some(
        fields
            .filter_map(|(name, value)| Some((name, serde_json::from_str(value.get()).ok()?)))
            .collect(),
    )
}

fn created_at(fields: &Map<String, Value>) -> Option<DateTime<Utc>> {
    fields.get("createdAt")?.as_str()?.parse().ok()
}

/// Which page of a listing comes next.
pub(super) struct Pages {
    /// Cursor of the next page, if there is one. The first page may have none.
    pub(super) next: Option<Option<String>>,
    /// Cursors of the pages so far.
    used: HashSet<String>,
    /// Jobs of the last page that was not empty.
    last: Vec<JobId>,
    empty: u32,
}

impl Pages {
    pub(super) fn new(first: Option<String>) -> Self {
        Self {
            used: first.iter().cloned().collect(),
            next: Some(first),
            last: Vec::new(),
            empty: 0,
        }
    }

    /// Returns what is new in a page that was fetched, and sets the cursor of the next one.
    pub(super) fn turn(&mut self, page: JobPage) -> Vec<JobSummary> {
        let ids: Vec<JobId> = page.items.iter().map(|job| job.id.clone()).collect();
        let repeats = !ids.is_empty() && ids == self.last;
        self.empty = match ids.is_empty() && page.skipped == 0 {
            true => self.empty + 1,
            false => 0,
        };
        self.next = page.next_cursor.map(Some);
        let problem = match &self.next {
            Some(Some(cursor)) if self.used.contains(cursor) => "it repeats a cursor",
            Some(_) if repeats => "it repeats a page",
            Some(_) if self.empty >= MAX_EMPTY_PAGES => "it has too many empty pages",
            _ => "",
        };
        if !problem.is_empty() {
            warn!(problem, "the listing does not end by itself");
            self.next = None;
        }
        if repeats {
            return Vec::new();
        }
        self.used.extend(self.next.iter().flatten().cloned());
        if !ids.is_empty() {
            self.last = ids;
        }
        page.items
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn page(items: Value, next: Value) -> JobPage {
        serde_json::from_value(json!({"items": items, "nextCursor": next})).unwrap()
    }

    #[test]
    fn an_item_needs_an_id_only() {
        let time = "2025-11-06T09:07:49.932Z";
        for (item, status, created_at) in [
            (
                json!({"id": "1", "status": "running", "createdAt": time}),
                "running",
                true,
            ),
            (
                json!({"id": "1", "status": "queued", "createdAt": null}),
                "queued",
                false,
            ),
            (
                json!({"id": "1", "status": "failed", "createdAt": "2026-01-01 00:00:00"}),
                "failed",
                false,
            ),
            (
                json!({"id": "1", "status": "failed", "createdAt": 1_767_225_600}),
                "failed",
                false,
            ),
            (
                json!({"id": " 1\n", "status": null, "createdAt": time}),
                "null",
                true,
            ),
            (json!({"id": 1, "status": 5, "createdAt": time}), "5", true),
            (json!({"id": "1"}), "null", false),
        ] {
            let page = page(json!([item]), Value::Null);
            let [job] = &page.items[..] else {
                panic!("{item}");
            };
            assert_eq!(
                (job.id.as_str(), job.status.as_str()),
                ("1", status),
                "{item}"
            );
            assert_eq!(job.created_at.is_some(), created_at, "{item}");
            let kept = item.get("createdAt").is_some() && !created_at;
            assert_eq!(job.extra.contains_key("createdAt"), kept, "{item}");
            assert_eq!(page.skipped, 0, "{item}");
        }
    }

    #[test]
    fn a_field_that_cannot_be_read_hides_neither_the_item_nor_the_page() {
        let deep = "[".repeat(5_000) + &"]".repeat(5_000);
        for value in [r#""\ud800""#, "1e999", deep.as_str()] {
            let text = format!(
                r#"{{"items":[{{"id":"1","status":"failed","odd":{value}}},{{"id":"2"}}],"nextCursor":null}}"#
            );
            let page: JobPage = serde_json::from_str(&text).unwrap();
            let ids: Vec<&str> = page.items.iter().map(|job| job.id.as_str()).collect();
            assert_eq!((ids, page.skipped), (vec!["1", "2"], 0), "{value:.20}");
            assert!(!page.items[0].extra.contains_key("odd"));
        }
    }

    #[test]
    fn items_without_an_id_are_counted() {
        for item in [
            json!(null),
            json!("1"),
            json!([]),
            json!({}),
            json!({"id": null, "status": "running"}),
            json!({"id": "", "status": "running"}),
            json!({"id": "..", "status": "running"}),
            json!({"id": {"id": "1"}, "status": "running"}),
        ] {
            let page = page(json!([{"id": "a"}, item, {"id": "b"}]), json!("next"));
            let ids: Vec<&str> = page.items.iter().map(|job| job.id.as_str()).collect();
            assert_eq!((ids, page.skipped), (vec!["a", "b"], 1), "{item}");
        }
        serde_json::from_str::<JobSummary>("{}").unwrap_err();
    }

    #[test]
    fn a_page_needs_an_array_of_items() {
        for text in [
            "{}",
            "[]",
            r#"{"items":null}"#,
            r#"{"items":[],"nextCursor":[]}"#,
            "<html>",
        ] {
            serde_json::from_str::<JobPage>(text).unwrap_err();
        }
        for (cursor, expected) in [
            (json!(null), None),
            (json!(""), None),
            (json!(7), Some("7")),
        ] {
            assert_eq!(page(json!([]), cursor).next_cursor.as_deref(), expected);
        }
    }

    /// Turns pages, each given by its ids and its next cursor. Returns the number of jobs and of pages.
    fn listed(pages: impl Iterator<Item = (Vec<u32>, String)>) -> (usize, usize) {
        let mut cursors = Pages::new(None);
        let (mut jobs, mut turned) = (0, 0);
        for (ids, cursor) in pages {
            if cursors.next.take().is_none() {
                break;
            }
            let items: Vec<_> = ids.iter().map(|id| json!({ "id": id })).collect();
            jobs += cursors.turn(page(json!(items), json!(cursor))).len();
            turned += 1;
        }
        (jobs, turned)
    }

    #[test]
    fn endless_listings_end() {
        let cursor = |number: u32| number.to_string();
        // A cycle of three cursors.
        let pages = (0..).map(|number| (vec![number], cursor(number % 3)));
        assert_eq!(listed(pages), (4, 4));
        // Empty pages, each with a new cursor.
        let pages = (0..).map(|number| (vec![], cursor(number)));
        assert_eq!(listed(pages), (0, 100));
        // The cursor is ignored: each page is the first one.
        let pages = (0..).map(|number| (vec![1, 2], cursor(number)));
        assert_eq!(listed(pages), (2, 2));
        // Some empty pages between others are not the end.
        let pages = (0..300).map(|number| match number % 3 {
            0 => (vec![number], cursor(number)),
            _ => (vec![], cursor(number)),
        });
        assert_eq!(listed(pages), (100, 300));
    }
}
