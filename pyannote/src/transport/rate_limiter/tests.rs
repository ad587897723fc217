//! Tests of the queue in virtual time: order, cancellation, and waits that end early.

use std::pin::pin;
use std::task::{Context, Waker};

use http::HeaderValue;

use super::super::manual_clock::ManualClock;
use super::*;

/// A window and its margin.
const WINDOW: Duration = Duration::from_secs(61);

fn shared(clock: &ManualClock) -> Arc<dyn Clock> {
    Arc::new(clock.clone())
}

/// Waits for a permit without a timeout.
async fn acquire(limiter: &RateLimiter, clock: &ManualClock) -> Permit {
    limiter.acquire(&shared(clock), None).await.unwrap()
}

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

/// Sends a request whose response has these headers.
fn observe(limiter: &RateLimiter, clock: &ManualClock, pairs: &[(&'static str, &'static str)]) {
    let mut permit = ready(pin!(acquire(limiter, clock))).unwrap();
    permit.observe(&headers(pairs));
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
                let _permit = acquire(&limiter, &clock).await;
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
            .take_while(|(_, time)| *time - *start < WINDOW)
            .count();
        assert!(within <= 100, "{within} in the minute from {start:?}");
    }
    assert_eq!(clock.now(), WINDOW * 9);
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
    assert!(ready(pin!(acquire(&limiter, &clock))).is_some());
    let mut first = Box::pin(acquire(&limiter, &clock));
    let mut second = Box::pin(acquire(&limiter, &clock));
    let mut third = Box::pin(acquire(&limiter, &clock));
    assert!(
        ready(first.as_mut()).is_none()
            && ready(second.as_mut()).is_none()
            && ready(third.as_mut()).is_none()
    );
    // Dropping the first and a middle waiter uses up no slot.
    drop(first);
    drop(second);
    assert!(ready(third.as_mut()).is_none());
    clock.advance(WINDOW);
    assert!(ready(third.as_mut()).is_some());
}

#[test]
fn waiters_are_admitted_in_order_of_arrival() {
    let clock = ManualClock::new();
    let limiter = RateLimiter::new(RateLimit::per_minute(1));
    assert!(ready(pin!(acquire(&limiter, &clock))).is_some());
    let mut early = Box::pin(acquire(&limiter, &clock));
    assert!(ready(early.as_mut()).is_none());
    clock.advance(WINDOW);
    // A slot is free, but an earlier caller is waiting for it.
    assert!(ready(pin!(acquire(&limiter, &clock))).is_none());
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
    let permit = ready(pin!(acquire(&limiter, &clock))).unwrap();
    let mut next = Box::pin(acquire(&limiter, &clock));
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
        let mut waiter = Box::pin(acquire(&limiter, &clock));
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
    let limiter = RateLimiter::new(RateLimit::per_minute(2));
    let mut first = ready(pin!(acquire(&limiter, &clock))).unwrap();
    drop(ready(pin!(acquire(&limiter, &clock))));
    let mut waiter = Box::pin(acquire(&limiter, &clock));
    assert!(ready(waiter.as_mut()).is_none());
    first.observe(&headers(&[("retry-after", "90")]));
    clock.advance(WINDOW);
    assert!(ready(waiter.as_mut()).is_none());
    clock.advance(Duration::from_secs(29));
    assert!(ready(waiter.as_mut()).is_some());
}

#[test]
fn a_request_counts_until_a_minute_after_its_response() {
    let clock = ManualClock::new();
    let limiter = RateLimiter::new(RateLimit::per_minute(1));
    let mut permit = ready(pin!(acquire(&limiter, &clock))).unwrap();
    let mut waiter = Box::pin(acquire(&limiter, &clock));
    clock.advance(WINDOW * 2);
    assert!(
        ready(waiter.as_mut()).is_none(),
        "it may not have arrived yet"
    );
    permit.observe(&HeaderMap::new());
    clock.advance(Duration::from_secs(60));
    assert!(ready(waiter.as_mut()).is_none());
    clock.advance(Duration::from_secs(1));
    assert!(ready(waiter.as_mut()).is_some(), "its body may take longer");
    drop(permit);
}

#[tokio::test]
async fn a_timeout_in_the_queue_returns_the_time_until_the_turn() {
    let clock = ManualClock::new();
    let shared_clock = shared(&clock);
    let limiter = RateLimiter::new(RateLimit::per_minute(2));
    let timeout = Some(Duration::from_secs(10));
    let mut callers: Vec<_> = (0..7)
        .map(|_| Box::pin(limiter.acquire(&shared_clock, timeout)))
        .collect();
    let mut results: Vec<_> = callers
        .iter_mut()
        .map(|caller| ready(caller.as_mut()))
        .collect();
    results
        .drain(..2)
        .for_each(|admitted| assert!(matches!(admitted, Some(Ok(_)))));
    clock.advance(Duration::from_secs(10));
    let turns: Vec<u64> = callers
        .iter_mut()
        .skip(2)
        .map(|caller| ready(caller.as_mut()).unwrap().unwrap_err().as_secs())
        .collect();
    // Two each window, although those before have left the queue, too.
    assert_eq!(turns, [51, 51, 112, 112, 173]);
}

#[tokio::test]
async fn a_request_in_flight_takes_no_time_of_a_clock_that_skips_sleeps() {
    for timeout in [None, Some(WINDOW * 2)] {
        let clock = ManualClock::auto_advancing();
        let shared_clock = shared(&clock);
        let limiter = RateLimiter::new(RateLimit::per_minute(1));
        let mut permit = acquire(&limiter, &clock).await;
        let mut waiter = pin!(limiter.acquire(&shared_clock, timeout));
        for _ in 0..100 {
            assert!(ready(waiter.as_mut()).is_none());
            tokio::task::yield_now().await;
        }
        assert_eq!(clock.now(), Duration::ZERO);
        permit.observe(&HeaderMap::new());
        drop(waiter.await.unwrap());
        assert_eq!(clock.now(), WINDOW);
    }
}

#[tokio::test]
async fn a_clock_that_skips_sleeps_stops_at_the_end_of_a_timeout() {
    let clock = ManualClock::auto_advancing();
    let shared_clock = shared(&clock);
    let limiter = RateLimiter::new(RateLimit::per_minute(1));
    drop(acquire(&limiter, &clock).await);
    let timeout = Duration::from_secs(10);
    let callers = (0..3).map(|_| limiter.acquire(&shared_clock, Some(timeout)));
    let turns = futures_util::future::join_all(callers).await;
    let turns: Vec<Duration> = turns.into_iter().map(Result::unwrap_err).collect();
    assert_eq!(clock.now(), timeout);
    assert_eq!(turns, [1, 2, 3].map(|windows| WINDOW * windows - timeout));
}

#[test]
fn acquire_is_send() {
    fn is_send<T: Send>(_: &T) {}
    let (limiter, clock) = (RateLimiter::new(RateLimit::POSTS), ManualClock::new());
    is_send(&acquire(&limiter, &clock));
}

#[test]
fn timeouts_use_up_no_slot() {
    let clock = ManualClock::new();
    let shared_clock = shared(&clock);
    let limiter = RateLimiter::new(RateLimit::per_minute(1));
    drop(ready(pin!(acquire(&limiter, &clock))));
    for _ in 0..3 {
        let mut waiter = Box::pin(limiter.acquire(&shared_clock, Some(Duration::ZERO)));
        assert!(matches!(ready(waiter.as_mut()), Some(Err(turn)) if turn >= WINDOW));
    }
    clock.advance(WINDOW);
    let permit = ready(pin!(limiter.acquire(&shared_clock, Some(Duration::ZERO))));
    assert!(matches!(permit, Some(Ok(_))));
    assert_eq!(limiter.allowed(), Some(1));
    assert_eq!(RateLimiter::new(RateLimit::off()).allowed(), None);
}
