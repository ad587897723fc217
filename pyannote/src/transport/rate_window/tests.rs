//! Tests of the state machine in virtual time, and of its invariants.

use proptest::prelude::*;

use super::*;

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Headers with limit, remaining and reset in seconds.
fn rate_headers(limit: u32, remaining: u32, reset: u64) -> RateHeaders {
    RateHeaders {
        limit: Some(limit),
        remaining: Some(remaining),
        reset: Some(secs(reset)),
        retry_after: None,
    }
}

/// Number of requests admitted at one time, each completed before the next.
fn admitted(window: &mut RateWindow, now: Duration) -> u32 {
    for count in 0..10_000 {
        match window.try_acquire(now) {
            Admission::Ready => window.release(now),
            Admission::Wait(_) => return count,
        }
    }
    10_000
}

#[test]
fn burst_up_to_the_limit_then_wait_a_minute() {
    for (rate_limit, limit) in [
        (RateLimit::POSTS, 100),
        (RateLimit::JOB_READS, 300),
        (RateLimit::per_minute(7), 7),
        (RateLimit::per_minute(0), 1),
    ] {
        let mut window = RateWindow::new(rate_limit);
        assert_eq!(admitted(&mut window, secs(5)), limit);
        assert_eq!(window.try_acquire(secs(5)), Admission::Wait(secs(61)));
        assert_eq!(window.try_acquire(secs(65)), Admission::Wait(secs(1)));
        assert_eq!(admitted(&mut window, secs(66)), limit);
    }
}

#[test]
fn window_slides() {
    let mut window = RateWindow::new(RateLimit::per_minute(2));
    assert_eq!(window.try_acquire(secs(0)), Admission::Ready);
    window.release(secs(0));
    assert_eq!(window.try_acquire(secs(50)), Admission::Ready);
    window.release(secs(50));
    assert_eq!(window.try_acquire(secs(50)), Admission::Wait(secs(11)));
    assert_eq!(window.try_acquire(secs(61)), Admission::Ready);
    window.release(secs(61));
    assert_eq!(window.try_acquire(secs(61)), Admission::Wait(secs(50)));
}

#[test]
fn off_admits_everything() {
    let mut window = RateWindow::new(RateLimit::off());
    window.observe(
        &RateHeaders {
            retry_after: Some(secs(60)),
            ..rate_headers(1, 0, 60)
        },
        secs(0),
    );
    assert_eq!(admitted(&mut window, secs(0)), 10_000);
    assert!(window.counted.is_empty(), "no request is recorded");
}

#[test]
fn server_limit_replaces_the_default_but_only_lowers_a_custom_limit() {
    for (rate_limit, server_limit, expected) in [
        (RateLimit::POSTS, 20, 20),
        (RateLimit::POSTS, 250, 250),
        (RateLimit::per_minute(50), 20, 20),
        (RateLimit::per_minute(50), 250, 50),
    ] {
        let mut window = RateWindow::new(rate_limit);
        window.observe(
            &RateHeaders {
                limit: Some(server_limit),
                ..RateHeaders::default()
            },
            secs(0),
        );
        assert_eq!(
            admitted(&mut window, secs(0)),
            expected,
            "{rate_limit:?} {server_limit}"
        );
    }
}

#[test]
fn lowered_limit_counts_earlier_requests() {
    let mut window = RateWindow::new(RateLimit::POSTS);
    for second in 0..10 {
        assert_eq!(window.try_acquire(secs(second)), Admission::Ready);
        window.release(secs(second));
    }
    let lowered = RateHeaders {
        limit: Some(3),
        ..RateHeaders::default()
    };
    window.observe(&lowered, secs(10));
    // Of ten requests, those of seconds 0 to 7 have to leave the window.
    assert_eq!(window.try_acquire(secs(10)), Admission::Wait(secs(58)));
    assert_eq!(admitted(&mut window, secs(68)), 1);
}

#[test]
fn zero_remaining_waits_until_the_reset() {
    let mut window = RateWindow::new(RateLimit::POSTS);
    window.observe(&rate_headers(100, 0, 30), secs(10));
    assert_eq!(window.try_acquire(secs(10)), Admission::Wait(secs(30)));
    assert_eq!(window.try_acquire(secs(39)), Admission::Wait(secs(1)));
    assert_eq!(window.try_acquire(secs(40)), Admission::Ready);
}

#[test]
fn remaining_limits_requests_in_flight() {
    let mut window = RateWindow::new(RateLimit::POSTS);
    window.observe(&rate_headers(100, 3, 30), secs(0));
    for _ in 0..3 {
        assert_eq!(window.try_acquire(secs(0)), Admission::Ready);
    }
    // The server's count of three may not include the three in flight.
    assert_eq!(window.try_acquire(secs(0)), Admission::Wait(secs(30)));
    // One has a response; another process used one meanwhile.
    window.observe(&rate_headers(100, 1, 30), secs(0));
    window.release(secs(0));
    assert_eq!(window.try_acquire(secs(0)), Admission::Wait(secs(30)));
}

#[test]
fn completed_requests_are_not_counted_twice() {
    let mut window = RateWindow::new(RateLimit::POSTS);
    for remaining in (1..100).rev() {
        assert_eq!(
            window.try_acquire(secs(0)),
            Admission::Ready,
            "{remaining} remaining"
        );
        window.observe(&rate_headers(100, remaining, 60), secs(0));
        window.release(secs(0));
    }
    assert_eq!(window.try_acquire(secs(0)), Admission::Ready);
    window.observe(&rate_headers(100, 0, 60), secs(0));
    window.release(secs(0));
    assert_eq!(window.try_acquire(secs(0)), Admission::Wait(secs(61)));
}

#[test]
fn late_response_does_not_raise_the_count() {
    let mut window = RateWindow::new(RateLimit::POSTS);
    window.observe(&rate_headers(100, 0, 30), secs(0));
    window.observe(&rate_headers(100, 40, 29), secs(1)); // the same window
    assert_eq!(window.try_acquire(secs(1)), Admission::Wait(secs(29)));
    window.observe(&rate_headers(100, 40, 2), secs(1)); // the previous window
    assert_eq!(window.try_acquire(secs(1)), Admission::Wait(secs(29)));
}

#[test]
fn late_response_of_the_previous_window_does_not_close_the_next() {
    let mut window = RateWindow::new(RateLimit::POSTS);
    window.observe(&rate_headers(100, 50, 60), secs(0));
    window.observe(&rate_headers(100, 0, 2), secs(1));
    assert_eq!(window.try_acquire(secs(1)), Admission::Ready);
}

#[test]
fn new_server_window_replaces_the_old_one() {
    let mut window = RateWindow::new(RateLimit::POSTS);
    window.observe(&rate_headers(100, 0, 5), secs(0));
    window.observe(&rate_headers(100, 80, 60), secs(1));
    assert_eq!(admitted(&mut window, secs(1)), 100);
}

#[test]
fn latest_reset_of_a_window_counts() {
    let mut window = RateWindow::new(RateLimit::POSTS);
    window.observe(&rate_headers(100, 0, 30), secs(0));
    window.observe(&rate_headers(100, 0, 30), Duration::from_millis(900));
    assert_eq!(
        window.try_acquire(secs(30)),
        Admission::Wait(Duration::from_millis(900))
    );
}

#[test]
fn sliding_server_window_is_followed() {
    // Its reset is always a minute away; the count must not stay at its minimum.
    let mut window = RateWindow::new(RateLimit::POSTS);
    window.observe(&rate_headers(100, 1, 60), secs(0));
    for second in 1..10 {
        window.observe(&rate_headers(100, 50, 60), secs(second));
    }
    for sent in 0..50 {
        assert_eq!(
            window.try_acquire(secs(10)),
            Admission::Ready,
            "{sent} in flight"
        );
    }
}

#[test]
fn remaining_and_reset_are_ignored_without_each_other() {
    for headers in [
        RateHeaders {
            reset: None,
            ..rate_headers(100, 0, 60)
        },
        RateHeaders {
            remaining: None,
            ..rate_headers(100, 0, 60)
        },
        RateHeaders::default(),
    ] {
        let mut window = RateWindow::new(RateLimit::POSTS);
        window.observe(&headers, secs(0));
        assert_eq!(admitted(&mut window, secs(0)), 100, "{headers:?}");
    }
}

#[test]
fn shorter_retry_after_does_not_reopen_early() {
    let retry_after = |seconds| RateHeaders {
        retry_after: Some(secs(seconds)),
        ..RateHeaders::default()
    };
    let mut window = RateWindow::new(RateLimit::POSTS);
    window.observe(&retry_after(20), secs(0));
    window.observe(&retry_after(1), secs(1));
    assert_eq!(window.try_acquire(secs(1)), Admission::Wait(secs(19)));
    assert_eq!(window.try_acquire(secs(20)), Admission::Ready);
}

#[test]
fn response_closes_an_endpoint_for_two_minutes_at_most() {
    let mut window = RateWindow::new(RateLimit::POSTS);
    window.observe(
        &RateHeaders {
            limit: None,
            remaining: Some(0),
            reset: Some(Duration::MAX),
            retry_after: Some(Duration::MAX),
        },
        secs(3),
    );
    assert_eq!(window.try_acquire(secs(3)), Admission::Wait(secs(120)));
    assert_eq!(window.try_acquire(secs(123)), Admission::Ready);
}

/// Bursts at the ends of a minute, with requests that take different times to arrive, are in no common minute of the
/// server.
#[test]
fn two_bursts_are_in_no_common_window_of_the_server() {
    let limit = 100;
    let mut window = RateWindow::new(RateLimit::per_minute(limit));
    let mut arrivals = Vec::new();
    let mut now = Duration::ZERO;
    // The first burst takes up to 2.5 s to arrive, the second one no time.
    for latency_ms in [25, 0] {
        let latency = |request: u32| Duration::from_millis(u64::from(request) * latency_ms);
        let mut departures = Vec::new();
        for request in 0..limit {
            while let Admission::Wait(wait) = window.try_acquire(now) {
                now += wait;
            }
            departures.push(now);
            arrivals.push(now + latency(request));
        }
        for (request, departure) in (0..).zip(&departures) {
            window.release(*departure + latency(request));
        }
        // Asks again exactly a minute after the first departure.
        now = departures[0] + WINDOW;
    }
    let most = arrivals
        .iter()
        .map(|start| {
            arrivals
                .iter()
                .filter(|at| **at >= *start && **at - *start < WINDOW)
                .count()
        })
        .max();
    assert_eq!(most, Some(limit as usize));
}

#[test]
fn turns_of_those_who_wait() {
    let mut window = RateWindow::new(RateLimit::per_minute(2));
    let turn = |window: &mut RateWindow, ahead| window.time_until_turn(ahead, secs(10)).as_secs();
    let turns: Vec<u64> = (0..6).map(|ahead| turn(&mut window, ahead)).collect();
    assert_eq!(turns, [0, 0, 61, 61, 122, 122]);
    assert_eq!(window.try_acquire(secs(5)), Admission::Ready);
    window.release(secs(5));
    assert_eq!(window.try_acquire(secs(10)), Admission::Ready);
    let turns: Vec<u64> = (0..6).map(|ahead| turn(&mut window, ahead)).collect();
    assert_eq!(turns, [56, 61, 117, 122, 178, 183]);
    assert!(turn(&mut window, u64::MAX) > 1_000_000_000);
    let mut off = RateWindow::new(RateLimit::off());
    assert_eq!(turn(&mut off, 1_000), 0);
}

#[derive(Clone, Debug)]
enum Step {
    Advance(Duration),
    Send(u8),
    Release,
    Observe(RateHeaders),
}

fn small_or_any() -> impl Strategy<Value = u32> {
    prop_oneof![0_u32..200, any::<u32>()]
}

fn time() -> impl Strategy<Value = Duration> {
    prop_oneof![
        (0_u64..150_000).prop_map(Duration::from_millis),
        any::<Duration>()
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let headers = (
        proptest::option::of(
            small_or_any().prop_filter("a limit of 0 is ignored when parsed", |limit| *limit > 0),
        ),
        proptest::option::of(small_or_any()),
        proptest::option::of(time()),
        proptest::option::weighted(0.1, time()),
    )
        .prop_map(|(limit, remaining, reset, retry_after)| RateHeaders {
            limit,
            remaining,
            reset,
            retry_after,
        });
    let step = prop_oneof![
        3 => (0_u64..30_000).prop_map(|ms| Step::Advance(Duration::from_millis(ms))),
        4 => (1_u8..40).prop_map(Step::Send),
        2 => Just(Step::Release),
        1 => headers.prop_map(Step::Observe),
    ];
    proptest::collection::vec(step, 0..120)
}

proptest! {
    /// A custom limit holds in every minute of the server, whenever it counts each request and whatever it sends, and
    /// every wait ends.
    #[test]
    fn custom_limit_holds_in_every_minute(limit in 1_u32..30, steps in steps()) {
        let mut window = RateWindow::new(RateLimit::per_minute(limit));
        let mut now = Duration::ZERO;
        let mut in_flight: Vec<Duration> = Vec::new();
        // When the server counts requests: at their departure and at their response, in turn.
        let mut counted: Vec<Duration> = Vec::new();
        for step in steps {
            match step {
                Step::Advance(time) => now += time,
                Step::Send(count) => for _ in 0..count {
                    match window.try_acquire(now) {
                        Admission::Ready => in_flight.push(now),
                        Admission::Wait(wait) => {
                            prop_assert!(!wait.is_zero() && wait <= MAX_CLOSED + WINDOW_END_TOLERANCE);
                        }
                    }
                },
                Step::Release => {
                    window.release(now);
                    let departure = in_flight.pop();
                    counted.extend(departure.map(|at| if counted.len().is_multiple_of(2) { at } else { now }));
                }
                Step::Observe(headers) => window.observe(&headers, now),
            }
        }
        for departure in in_flight.drain(..) {
            window.release(now);
            counted.push(departure);
        }
        for start in &counted {
            let within = counted.iter().filter(|at| *at >= start && **at - *start < WINDOW).count();
            prop_assert!(within <= limit as usize, "{within} in the minute from {start:?}");
        }
        // Waiting as long as requested leads to admission.
        let mut waits = 0;
        while let Admission::Wait(wait) = window.try_acquire(now) {
            now += wait;
            waits += 1;
            prop_assert!(waits < 5);
        }
    }

    #[test]
    fn extreme_times_do_not_panic(now in any::<Duration>(), later in any::<Duration>(), remaining in any::<u32>(), reset in any::<Duration>()) {
        let mut window = RateWindow::new(RateLimit::per_minute(1));
        let _ = window.try_acquire(now);
        window.observe(&RateHeaders { limit: Some(1), remaining: Some(remaining), reset: Some(reset), retry_after: Some(reset) }, Duration::MAX);
        let _ = window.try_acquire(later);
        let _ = window.try_acquire(Duration::MAX);
    }
}
