//! Tests of the queue in virtual time: order, cancellation, and waits that end early.

use std::pin::pin;
use std::task::{Context, Waker};

use http::HeaderValue;

use super::super::manual_clock::ManualClock;
use super::*;

const MINUTE: Duration = Duration::from_secs(60);

fn ready<T>(future: std::pin::Pin<&mut impl Future<Output = T>>) -> Option<T> {
    match future.poll(&mut Context::from_waker(Waker::noop())) {
        std::task::Poll::Ready(value) => Some(value),
        std::task::Poll::Pending => None,
    }
}

fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    pairs
        .iter()
        .map(|(name, value)| {
            (
                http::HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        })
        .collect()
}

fn observe(limiter: &RateLimiter, clock: &ManualClock, pairs: &[(&'static str, &'static str)]) {
    limiter.observe(&headers(pairs), clock.now(), clock.wall());
}

/// Acquires permits from `callers` concurrent tasks; returns the caller and time of each admission in order.
async fn acquire_concurrently(
    callers: usize,
    limiter: &RateLimiter,
    clock: &ManualClock,
) -> Vec<(usize, Duration)> {
    let admitted = Arc::new(Mutex::new(Vec::new()));
    let tasks: Vec<_> = (0..callers)
        .map(|caller| {
            let (limiter, clock, admitted) =
                (limiter.clone(), clock.clone(), Arc::clone(&admitted));
            tokio::spawn(async move {
                let _permit = limiter.acquire(&clock).await;
                admitted.lock().unwrap().push((caller, clock.now()));
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    Arc::into_inner(admitted).unwrap().into_inner().unwrap()
}

#[tokio::test]
async fn thousand_callers_are_admitted_in_order_in_nine_minutes() {
    let clock = ManualClock::auto_advancing();
    let admitted = acquire_concurrently(1_000, &RateLimiter::new(RateLimit::POSTS), &clock).await;
    let order: Vec<_> = admitted.iter().map(|(caller, _)| *caller).collect();
    assert_eq!(order, (0..1_000).collect::<Vec<_>>());
    for (index, (_, start)) in admitted.iter().enumerate() {
        let within = admitted
            .iter()
            .skip(index)
            .take_while(|(_, time)| *time - *start < MINUTE)
            .count();
        assert!(within <= 100, "{within} in the minute from {start:?}");
    }
    assert_eq!(clock.now(), MINUTE * 9);
    assert_eq!(
        clock.sleeps().len(),
        9,
        "only the first in the queue sleeps"
    );
}

#[tokio::test]
async fn off_never_sleeps() {
    let clock = ManualClock::auto_advancing();
    assert_eq!(
        acquire_concurrently(2_000, &RateLimiter::new(RateLimit::off()), &clock)
            .await
            .len(),
        2_000
    );
    assert!(clock.sleeps().is_empty());
}

#[test]
fn dropped_waiter_leaves_the_queue() {
    let clock = ManualClock::new();
    let limiter = RateLimiter::new(RateLimit::per_minute(1));
    assert!(ready(pin!(limiter.acquire(&clock))).is_some());
    let mut first = Box::pin(limiter.acquire(&clock));
    let mut second = Box::pin(limiter.acquire(&clock));
    let mut third = Box::pin(limiter.acquire(&clock));
    assert!(
        ready(first.as_mut()).is_none()
            && ready(second.as_mut()).is_none()
            && ready(third.as_mut()).is_none()
    );
    // Dropping the first and a middle waiter uses up no slot.
    drop(first);
    drop(second);
    assert!(ready(third.as_mut()).is_none());
    clock.advance(MINUTE);
    assert!(ready(third.as_mut()).is_some());
}

#[test]
fn waiters_are_admitted_in_order_of_arrival() {
    let clock = ManualClock::new();
    let limiter = RateLimiter::new(RateLimit::per_minute(1));
    assert!(ready(pin!(limiter.acquire(&clock))).is_some());
    let mut early = Box::pin(limiter.acquire(&clock));
    assert!(ready(early.as_mut()).is_none());
    clock.advance(MINUTE);
    // A slot is free, but an earlier caller is waiting for it.
    assert!(ready(pin!(limiter.acquire(&clock))).is_none());
    assert!(ready(early.as_mut()).is_some());
}

#[test]
fn completed_request_ends_a_wait_early() {
    let clock = ManualClock::new();
    let limiter = RateLimiter::new(RateLimit::POSTS);
    observe(
        &limiter,
        &clock,
        &[("x-ratelimit-remaining", "1"), ("x-ratelimit-reset", "60")],
    );
    let permit = ready(pin!(limiter.acquire(&clock))).unwrap();
    let mut next = Box::pin(limiter.acquire(&clock));
    assert!(
        ready(next.as_mut()).is_none(),
        "the remaining slot may be that of the request in flight"
    );
    drop(permit);
    assert!(ready(next.as_mut()).is_some());
}

#[test]
fn reset_and_retry_after_close_the_endpoint_in_every_format() {
    let table: [&[(&str, &str)]; 5] = [
        &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "30")],
        // The manual clock starts at 2026-01-01T00:00:00Z.
        &[
            ("x-ratelimit-remaining", "0"),
            ("x-ratelimit-reset", "1767225630"),
        ],
        &[("retry-after", "30")],
        &[("retry-after", "Thu, 01 Jan 2026 00:00:30 GMT")],
        // The longer one counts.
        &[
            ("retry-after", "30"),
            ("x-ratelimit-remaining", "0"),
            ("x-ratelimit-reset", "3"),
        ],
    ];
    for pairs in table {
        let clock = ManualClock::new();
        let limiter = RateLimiter::new(RateLimit::POSTS);
        observe(&limiter, &clock, pairs);
        let mut waiter = Box::pin(limiter.acquire(&clock));
        assert!(ready(waiter.as_mut()).is_none(), "{pairs:?}");
        clock.advance(Duration::from_secs(29));
        assert!(ready(waiter.as_mut()).is_none(), "{pairs:?}");
        clock.advance(Duration::from_secs(1));
        assert!(ready(waiter.as_mut()).is_some(), "{pairs:?}");
    }
}

#[test]
fn retry_after_applies_to_pending_waiters() {
    let clock = ManualClock::new();
    let limiter = RateLimiter::new(RateLimit::per_minute(1));
    drop(ready(pin!(limiter.acquire(&clock))));
    let mut waiter = Box::pin(limiter.acquire(&clock));
    assert!(ready(waiter.as_mut()).is_none());
    observe(&limiter, &clock, &[("retry-after", "90")]);
    clock.advance(MINUTE);
    assert!(ready(waiter.as_mut()).is_none());
    clock.advance(MINUTE / 2);
    assert!(ready(waiter.as_mut()).is_some());
}

#[test]
fn acquire_is_send() {
    fn is_send<T: Send>(_: &T) {}
    let (limiter, clock) = (RateLimiter::new(RateLimit::POSTS), ManualClock::new());
    is_send(&limiter.acquire(&clock));
}

#[test]
fn retry_after_does_not_use_up_a_slot() {
    let clock = ManualClock::new();
    let limiter = RateLimiter::new(RateLimit::per_minute(1));
    for _ in 0..3 {
        assert_eq!(limiter.retry_after(&clock), None);
    }
    let permit = ready(pin!(limiter.acquire(&clock)));
    assert!(permit.is_some());
    clock.advance(MINUTE / 4);
    assert_eq!(limiter.retry_after(&clock), Some(MINUTE * 3 / 4));
    assert_eq!(RateLimiter::new(RateLimit::off()).retry_after(&clock), None);
}
