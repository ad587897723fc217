//! The table of faults.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use serde_json::{Value, json};

use super::reply::{Cut, Reply, Then};
use super::{Framing, Operation};

use Forwarded::{Always, Either, Never};
use On::{Any, List, OneJob, Read};

/// A kind of fault.
pub struct Fault {
    /// Its name in reports.
    pub name: &'static str,
    on: On,
    forwarded: Forwarded,
    /// Changes the answer: that of the server, or an empty 200 if the request is not forwarded.
    pub(super) change: fn(&mut Reply),
}

/// Which requests a fault can happen to.
#[derive(Clone, Copy, Debug)]
enum On {
    Any,
    /// Reads of a job and of the listing.
    Read,
    /// Reads of a job.
    OneJob,
    /// Reads of the listing.
    List,
}

/// Whether the server receives the request. A status that says that the service did not accept a submission, such as
/// 429, must be true: no client can know better.
#[derive(Clone, Copy, Debug)]
enum Forwarded {
    Never,
    Always,
    /// Sometimes.
    Either,
}

impl Fault {
    const fn new(name: &'static str, on: On, forwarded: Forwarded, change: fn(&mut Reply)) -> Self {
        Self {
            name,
            on,
            forwarded,
            change,
        }
    }

    /// The ways in which it happens: whether or not the server receives the request, or each of them.
    #[must_use]
    pub fn injections(&'static self) -> Vec<Injection> {
        let forwarded: &[bool] = match self.forwarded {
            Never => &[false],
            Always => &[true],
            Either => &[true, false],
        };
        forwarded
            .iter()
            .map(|forwarded| Injection {
                fault: self,
                forwarded: *forwarded,
            })
            .collect()
    }

    /// Whether it can happen to a request.
    #[must_use]
    pub fn applies_to(&self, operation: Operation) -> bool {
        match self.on {
            Any => true,
            Read => operation != Operation::Submit,
            OneJob => operation == Operation::ReadJob,
            List => operation == Operation::ListJobs,
        }
    }
}

/// A fault of one request.
#[derive(Clone, Copy)]
pub struct Injection {
    /// The kind.
    pub fault: &'static Fault,
    /// Whether the server receives the request.
    pub forwarded: bool,
}

/// Every kind of fault.
#[rustfmt::skip]
pub const FAULTS: &[Fault] = &[
    // Statuses.
    Fault::new("408", Any, Either, |reply| reply.status(408)),
    Fault::new("429", Any, Never, |reply| reply.status(429)),
    Fault::new("429, Retry-After: 0", Any, Never, |reply| reply.status_with(429, "retry-after: 0")),
    Fault::new("429, Retry-After: 1", Any, Never, |reply| reply.status_with(429, "retry-after: 1")),
    Fault::new("429, Retry-After: a past date", Any, Never, |reply| reply.status_with(429, "retry-after: Thu, 01 Jan 2026 00:00:00 GMT")),
    Fault::new("429, Retry-After: garbage", Any, Never, |reply| reply.status_with(429, "retry-after: soon")),
    Fault::new("500", Any, Either, |reply| reply.status(500)),
    Fault::new("502, HTML", Any, Either, |reply| reply.html(502)),
    Fault::new("503", Any, Either, |reply| reply.status(503)),
    Fault::new("503, Retry-After: 1", Any, Never, |reply| reply.status_with(503, "retry-after: 1")),
    Fault::new("504", Any, Either, |reply| reply.status(504)),
    Fault::new("404 after creation", OneJob, Always, |reply| reply.status(404)),
    Fault::new("403 on a read", Read, Always, |reply| reply.status(403)),
    // Redirects. A 302 or 303 may follow a submission that was processed.
    Fault::new("301 to another origin", Any, Never, |reply| reply.redirect(301)),
    Fault::new("302 to another origin", Any, Either, |reply| reply.redirect(302)),
    Fault::new("303 to another origin", Any, Either, |reply| reply.redirect(303)),
    Fault::new("307 to another origin", Any, Never, |reply| reply.redirect(307)),
    Fault::new("308 to another origin", Any, Never, |reply| reply.redirect(308)),
    Fault::new("302 to itself", Any, Either, |reply| reply.redirect_to_itself(302)),
    Fault::new("307 to itself", Any, Never, |reply| reply.redirect_to_itself(307)),
    Fault::new("308 to itself", Any, Never, |reply| reply.redirect_to_itself(308)),
    // Connections.
    Fault::new("reset before the request is forwarded", Any, Never, |reply| reply.silence(Then::Reset)),
    Fault::new("reset after the request was forwarded", Any, Always, |reply| reply.silence(Then::Reset)),
    Fault::new("closed before the request is forwarded", Any, Never, |reply| reply.silence(Then::Close)),
    Fault::new("closed after the request was forwarded", Any, Always, |reply| reply.silence(Then::Close)),
    Fault::new("kept-alive connection closed early", Any, Always, |reply| reply.then = Then::Close),
    Fault::new("kept-alive connection reset early", Any, Always, |reply| reply.then = Then::Reset),
    // Incomplete and slow answers.
    Fault::new("cut in the head", Any, Always, |reply| reply.cut(Cut::InHead, Then::Close)),
    Fault::new("cut in a body with a length", Any, Always, |reply| reply.cut(Cut::InBody, Then::Close)),
    Fault::new("cut in a chunked body", Any, Always, |reply| { reply.framing = Framing::Chunked; reply.cut(Cut::InBody, Then::Close) }),
    Fault::new("cut in a body of no stated length", Any, Always, |reply| { reply.framing = Framing::None; reply.cut(Cut::InBody, Then::Close) }),
    Fault::new("reset in a body", Any, Always, |reply| reply.cut(Cut::InBody, Then::Reset)),
    Fault::new("stalled before the head", Any, Either, |reply| reply.silence(Then::Stall)),
    Fault::new("stalled in the head", Any, Either, |reply| reply.cut(Cut::InHead, Then::Stall)),
    Fault::new("stalled in the body", Any, Always, |reply| reply.cut(Cut::InBody, Then::Stall)),
    Fault::new("body shorter than stated, then stalled", Any, Always, |reply| { reply.framing = Framing::TooLong; reply.then = Then::Stall }),
    Fault::new("slow answer", Any, Always, |reply| reply.pause = Duration::from_millis(40)),
    Fault::new("very slow answer", Any, Always, |reply| reply.pause = Duration::from_secs(1)),
    // Bodies.
    Fault::new("malformed JSON", Any, Always, |reply| { reply.body.pop(); }),
    Fault::new("not UTF-8", Any, Always, |reply| reply.body.insert(1, 0xff)),
    Fault::new("JSON of another form", Any, Either, |reply| reply.body = b"[null]".to_vec()),
    Fault::new("HTML with 200", Any, Either, |reply| reply.html(200)),
    Fault::new("byte order mark", Any, Always, |reply| drop(reply.body.splice(0..0, *b"\xef\xbb\xbf"))),
    Fault::new("200 with an empty body", Any, Either, |reply| reply.body.clear()),
    Fault::new("204", Any, Either, |reply| { reply.status = 204; reply.body.clear() }),
    Fault::new("201 instead of 200", Any, Always, |reply| reply.status = 201),
    Fault::new("body of no stated length", Any, Always, |reply| { reply.framing = Framing::None; reply.then = Then::Close }),
    Fault::new("chunked body", Any, Always, |reply| reply.framing = Framing::Chunked),
    // Headers.
    Fault::new("wrong content type", Any, Always, |reply| reply.content_type("text/plain; charset=utf-16")),
    Fault::new("wrong content encoding", Any, Always, |reply| reply.headers.push("content-encoding: gzip".to_owned())),
    Fault::new("duplicate headers", Any, Always, |reply| reply.headers.extend(["content-type: text/html", "date: yesterday", "x-request-id: 2"].map(str::to_owned))),
    Fault::new("contradictory lengths", Any, Always, |reply| reply.headers.push("content-length: 1".to_owned())),
    Fault::new("large header", Any, Always, |reply| reply.headers.push(format!("x-large: {}", "x".repeat(16 << 10)))),
    Fault::new("huge header", Any, Always, |reply| reply.headers.push(format!("x-huge: {}", "x".repeat(1 << 20)))),
    Fault::new("300 headers", Any, Always, |reply| reply.headers.extend((0..300).map(|n| format!("x-header-{n}: {n}")))),
    // Other protocols, and responses without a request.
    Fault::new("100 Continue first", Any, Always, |reply| reply.before = b"HTTP/1.1 100 Continue\r\n\r\n".to_vec()),
    Fault::new("103 Early Hints first", Any, Always, |reply| reply.before = b"HTTP/1.1 103 Early Hints\r\nlink: </style>\r\n\r\n".to_vec()),
    Fault::new("100 and nothing more", Any, Either, |reply| reply.raw(b"HTTP/1.1 100 Continue\r\n\r\n", Then::Stall)),
    Fault::new("101", Any, Either, |reply| reply.raw(b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n", Then::Close)),
    Fault::new("not HTTP", Any, Either, |reply| reply.raw(b"SSH-2.0-OpenSSH_9.9\r\n", Then::Close)),
    Fault::new("another answer after the body", Any, Always, |reply| reply.after = another_answer()),
    // The listing.
    Fault::new("item without a date", List, Always, |reply| reply.items(|items| set_null(items, "createdAt"))),
    Fault::new("item without a status", List, Always, |reply| reply.items(|items| set_null(items, "status"))),
    Fault::new("item with a date in another form", List, Always, |reply| reply.items(|items| items.insert(0, json!({ "id": "odd", "status": "created", "createdAt": "2026-01-01 00:00:00" })))),
    Fault::new("items of other types", List, Always, |reply| reply.items(|items| drop(items.splice(0..0, [Value::Null, json!(7), json!("x"), json!([]), json!({})])))),
];

/// A complete response with a job that does not exist.
fn another_answer() -> Vec<u8> {
    let body = json!({ "jobId": "11111111-1111-4111-8111-111111111111", "status": "created" });
    let body = body.to_string();
    format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// Sets a field of the first item to null.
fn set_null(items: &mut [Value], field: &str) {
    if let Some(item) = items.first_mut() {
        item[field] = Value::Null;
    }
}

/// A choice that injects a fault into this share of the requests (0..1), each kind equally often, repeatable with the
/// seed.
///
/// In addition, each way of each fault happens once to each operation if there are enough requests, in the order of
/// [`FAULTS`]: to the submissions of recordings with an even `number`, to the first reads of the jobs of the others, and to
/// every other request for the listing.
#[must_use]
pub fn seeded(seed: u64, share: f64, number: fn(&str) -> Option<u64>) -> super::Choose {
    Box::new(move |operation, audio, n| {
        let mut hasher = DefaultHasher::new();
        (seed, operation, audio, n).hash(&mut hasher);
        let mut random = fastrand::Rng::with_seed(hasher.finish());
        let applicable = FAULTS.iter().filter(|fault| fault.applies_to(operation));
        let applicable: Vec<&'static Fault> = applicable.collect();
        let turn = match operation {
            Operation::ListJobs => Some(n),
            _ if n > 0 => None,
            // A submission with a fault may have no job that is read.
            Operation::ReadJob => number(audio).and_then(|number| number.checked_sub(1)),
            _ => number(audio),
        };
        if let Some(turn) = turn.filter(|turn| share > 0.0 && turn.is_multiple_of(2)) {
            let mut injections = applicable.iter().flat_map(|fault| fault.injections());
            if let Some(injection) = injections.nth(usize::try_from(turn / 2).ok()?) {
                return Some(injection);
            }
        }
        if random.f64() >= share {
            return None;
        }
        let fault = random.choice(applicable)?;
        random.choice(fault.injections())
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    const OPERATIONS: [Operation; 3] = [Operation::Submit, Operation::ReadJob, Operation::ListJobs];

    /// The faults of ten thousand requests for an operation.
    fn chosen(seed: u64, share: f64, operation: Operation) -> Vec<Option<(&'static str, bool)>> {
        let choose = seeded(seed, share, |_| None);
        let choice = |n| choose(operation, "https://example.com/a.wav", n);
        let fault = |injection: Injection| (injection.fault.name, injection.forwarded);
        (0..10_000).map(|n| choice(n).map(fault)).collect()
    }

    /// All ways of all faults that can happen to an operation.
    fn all(operation: Operation) -> HashSet<(&'static str, bool)> {
        let applicable = FAULTS.iter().filter(|fault| fault.applies_to(operation));
        let injections = applicable.flat_map(Fault::injections);
        injections
            .map(|one| (one.fault.name, one.forwarded))
            .collect()
    }

    #[test]
    fn the_seed_decides_and_every_applicable_kind_is_chosen() {
        for operation in OPERATIONS {
            let choices = chosen(1, 0.25, operation);
            assert_eq!(choices, chosen(1, 0.25, operation));
            assert_ne!(choices, chosen(2, 0.25, operation));
            let faults: Vec<_> = choices.into_iter().flatten().collect();
            assert!((2_300..2_700).contains(&faults.len()), "{}", faults.len());
            assert_eq!(faults.into_iter().collect::<HashSet<_>>(), all(operation));
        }
        assert!(
            chosen(1, 0.0, Operation::Submit)
                .iter()
                .all(Option::is_none)
        );
    }

    #[test]
    fn few_requests_suffice_for_every_applicable_kind() {
        for share in [0.001, 0.25] {
            let choose = seeded(1, share, |audio| audio.parse().ok());
            for operation in OPERATIONS {
                let choice = |number: u64| match operation {
                    Operation::ListJobs => choose(operation, "", number),
                    _ => choose(operation, &number.to_string(), 0),
                };
                let chosen = (0..200).filter_map(choice);
                let chosen: HashSet<_> =
                    chosen.map(|one| (one.fault.name, one.forwarded)).collect();
                assert_eq!(chosen, all(operation), "{operation:?}");
            }
        }
    }

    #[test]
    fn names_are_unique() {
        let names: HashSet<&str> = FAULTS.iter().map(|fault| fault.name).collect();
        assert_eq!(names.len(), FAULTS.len());
    }
}
