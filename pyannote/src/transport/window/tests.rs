//! Tables of the state machine in virtual time, and what holds whatever happens.

use proptest::prelude::*;

use super::*;

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// What an answer says: limit, remaining, reset in seconds.
fn says(limit: u32, remaining: u32, reset: u64) -> RateHeaders {
    RateHeaders {
        limit: Some(limit),
        remaining: Some(remaining),
        reset: Some(secs(reset)),
        retry_after: None,
    }
}

/// How many are admitted at one moment, each answered before the next.
fn admitted(window: &mut Window, now: Duration) -> u32 {
    for count in 0..10_000 {
        match window.poll(now) {
            Admission::Ready => window.finish(),
            Admission::Wait(_) => return count,
        }
    }
    10_000
}

#[test]
fn a_burst_up_to_the_limit_and_then_a_minute() {
    for (policy, limit) in [
        (RateLimit::POSTS, 100),
        (RateLimit::JOB_READS, 300),
        (RateLimit::per_minute(7), 7),
        (RateLimit::per_minute(0), 1),
    ] {
        let mut window = Window::new(policy);
        assert_eq!(admitted(&mut window, secs(5)), limit);
        assert_eq!(window.poll(secs(5)), Admission::Wait(secs(60)));
        assert_eq!(window.poll(secs(64)), Admission::Wait(secs(1)));
        assert_eq!(admitted(&mut window, secs(65)), limit);
    }
}

#[test]
fn the_window_slides() {
    let mut window = Window::new(RateLimit::per_minute(2));
    assert_eq!(window.poll(secs(0)), Admission::Ready);
    assert_eq!(window.poll(secs(50)), Admission::Ready);
    assert_eq!(window.poll(secs(50)), Admission::Wait(secs(10)));
    assert_eq!(window.poll(secs(60)), Admission::Ready);
    assert_eq!(window.poll(secs(60)), Admission::Wait(secs(50)));
}

#[test]
fn off_is_off() {
    let mut window = Window::new(RateLimit::off());
    window.observe(
        &RateHeaders {
            retry_after: Some(secs(60)),
            ..says(1, 0, 60)
        },
        secs(0),
    );
    assert_eq!(admitted(&mut window, secs(0)), 10_000);
    assert!(window.sent.is_empty(), "nothing is remembered either");
}

#[test]
fn the_servers_limit_replaces_the_default_and_only_lowers_a_users_own() {
    for (policy, said, expected) in [
        (RateLimit::POSTS, 20, 20),
        (RateLimit::POSTS, 250, 250),
        (RateLimit::per_minute(50), 20, 20),
        (RateLimit::per_minute(50), 250, 50),
    ] {
        let mut window = Window::new(policy);
        window.observe(
            &RateHeaders {
                limit: Some(said),
                ..RateHeaders::default()
            },
            secs(0),
        );
        assert_eq!(
            admitted(&mut window, secs(0)),
            expected,
            "{policy:?} {said}"
        );
    }
}

#[test]
fn a_lowered_limit_counts_what_was_sent_before() {
    let mut window = Window::new(RateLimit::POSTS);
    for second in 0..10 {
        assert_eq!(window.poll(secs(second)), Admission::Ready);
        window.finish();
    }
    let lowered = RateHeaders {
        limit: Some(3),
        ..RateHeaders::default()
    };
    window.observe(&lowered, secs(10));
    // Of ten, those of seconds 0 to 7 have to leave the window.
    assert_eq!(window.poll(secs(10)), Admission::Wait(secs(57)));
    assert_eq!(admitted(&mut window, secs(67)), 1);
}

#[test]
fn none_remaining_waits_until_the_reset() {
    let mut window = Window::new(RateLimit::POSTS);
    window.observe(&says(100, 0, 30), secs(10));
    assert_eq!(window.poll(secs(10)), Admission::Wait(secs(30)));
    assert_eq!(window.poll(secs(39)), Admission::Wait(secs(1)));
    assert_eq!(window.poll(secs(40)), Admission::Ready);
}

#[test]
fn some_remaining_admits_that_many() {
    let mut window = Window::new(RateLimit::POSTS);
    window.observe(&says(100, 3, 30), secs(0));
    for _ in 0..3 {
        assert_eq!(window.poll(secs(0)), Admission::Ready);
    }
    // Three are on their way and may be the three.
    assert_eq!(window.poll(secs(0)), Admission::Wait(secs(30)));
    // One is answered, and another process took one meanwhile.
    window.observe(&says(100, 1, 30), secs(0));
    window.finish();
    assert_eq!(window.poll(secs(0)), Admission::Wait(secs(30)));
}

#[test]
fn what_is_in_flight_is_not_counted_twice_once_answered() {
    let mut window = Window::new(RateLimit::POSTS);
    for remaining in (1..100).rev() {
        assert_eq!(window.poll(secs(0)), Admission::Ready, "{remaining} left");
        window.observe(&says(100, remaining, 60), secs(0));
        window.finish();
    }
    assert_eq!(window.poll(secs(0)), Admission::Ready);
    window.observe(&says(100, 0, 60), secs(0));
    window.finish();
    assert_eq!(window.poll(secs(0)), Admission::Wait(secs(60)));
}

#[test]
fn an_overtaken_answer_does_not_raise_the_count() {
    let mut window = Window::new(RateLimit::POSTS);
    window.observe(&says(100, 0, 30), secs(0));
    window.observe(&says(100, 40, 29), secs(1)); // the same window
    assert_eq!(window.poll(secs(1)), Admission::Wait(secs(29)));
    window.observe(&says(100, 40, 2), secs(1)); // the window before
    assert_eq!(window.poll(secs(1)), Admission::Wait(secs(29)));
}

#[test]
fn an_overtaken_answer_of_a_window_that_is_over_does_not_stop_the_next() {
    let mut window = Window::new(RateLimit::POSTS);
    window.observe(&says(100, 50, 60), secs(0));
    window.observe(&says(100, 0, 2), secs(1));
    assert_eq!(window.poll(secs(1)), Admission::Ready);
}

#[test]
fn a_new_window_of_the_server_replaces_the_old() {
    let mut window = Window::new(RateLimit::POSTS);
    window.observe(&says(100, 0, 5), secs(0));
    window.observe(&says(100, 80, 60), secs(1));
    assert_eq!(admitted(&mut window, secs(1)), 100);
}

#[test]
fn an_end_told_in_whole_seconds_counts_as_its_latest() {
    let mut window = Window::new(RateLimit::POSTS);
    window.observe(&says(100, 0, 30), secs(0));
    window.observe(&says(100, 0, 30), Duration::from_millis(900));
    assert_eq!(
        window.poll(secs(30)),
        Admission::Wait(Duration::from_millis(900))
    );
}

#[test]
fn a_sliding_window_of_the_server_is_followed() {
    // Its reset is always a minute away: the count must not stay at the lowest ever seen.
    let mut window = Window::new(RateLimit::POSTS);
    window.observe(&says(100, 1, 60), secs(0));
    for second in 1..10 {
        window.observe(&says(100, 50, 60), secs(second));
    }
    for sent in 0..50 {
        assert_eq!(window.poll(secs(10)), Admission::Ready, "{sent} under way");
    }
}

#[test]
fn remaining_without_reset_and_reset_without_remaining_say_nothing() {
    for seen in [
        RateHeaders {
            reset: None,
            ..says(100, 0, 60)
        },
        RateHeaders {
            remaining: None,
            ..says(100, 0, 60)
        },
        RateHeaders::default(),
    ] {
        let mut window = Window::new(RateLimit::POSTS);
        window.observe(&seen, secs(0));
        assert_eq!(admitted(&mut window, secs(0)), 100, "{seen:?}");
    }
}

#[test]
fn retry_after_closes_until_then_and_a_shorter_one_does_not_open() {
    let closes = |seconds| RateHeaders {
        retry_after: Some(secs(seconds)),
        ..RateHeaders::default()
    };
    let mut window = Window::new(RateLimit::POSTS);
    window.observe(&closes(20), secs(0));
    window.observe(&closes(1), secs(1));
    assert_eq!(window.poll(secs(1)), Admission::Wait(secs(19)));
    assert_eq!(window.poll(secs(20)), Admission::Ready);
}

#[test]
fn no_answer_stops_an_endpoint_for_longer_than_two_minutes() {
    let mut window = Window::new(RateLimit::POSTS);
    window.observe(
        &RateHeaders {
            limit: None,
            remaining: Some(0),
            reset: Some(Duration::MAX),
            retry_after: Some(Duration::MAX),
        },
        secs(3),
    );
    assert_eq!(window.poll(secs(3)), Admission::Wait(secs(120)));
    assert_eq!(window.poll(secs(123)), Admission::Ready);
}

#[derive(Clone, Debug)]
enum Step {
    Pass(Duration),
    Send(u8),
    Finish,
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
        proptest::option::of(small_or_any().prop_filter("0 is never read", |limit| *limit > 0)),
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
        3 => (0_u64..30_000).prop_map(|ms| Step::Pass(Duration::from_millis(ms))),
        4 => (1_u8..40).prop_map(Step::Send),
        2 => Just(Step::Finish),
        1 => headers.prop_map(Step::Observe),
    ];
    proptest::collection::vec(step, 0..120)
}

proptest! {
    /// Whatever the server says, a user's ceiling holds in every window of a minute, and waiting always ends.
    #[test]
    fn never_more_than_the_ceiling_in_any_minute(ceiling in 1_u32..30, steps in steps()) {
        let mut window = Window::new(RateLimit::per_minute(ceiling));
        let mut now = Duration::ZERO;
        let mut sent: Vec<Duration> = Vec::new();
        for step in steps {
            match step {
                Step::Pass(time) => now += time,
                Step::Send(count) => for _ in 0..count {
                    match window.poll(now) {
                        Admission::Ready => sent.push(now),
                        Admission::Wait(wait) => {
                            prop_assert!(!wait.is_zero() && wait <= LONGEST_STOP + SAME_END);
                        }
                    }
                },
                Step::Finish => window.finish(),
                Step::Observe(seen) => window.observe(&seen, now),
            }
        }
        for (index, start) in sent.iter().enumerate() {
            let within = sent.iter().skip(index).take_while(|time| **time - *start < PERIOD).count();
            prop_assert!(within <= ceiling as usize, "{within} in the minute from {start:?}");
        }
        // Waiting as long as one is told to ends in admission.
        let mut waits = 0;
        while let Admission::Wait(wait) = window.poll(now) {
            now += wait;
            waits += 1;
            prop_assert!(waits < 5);
        }
    }

    #[test]
    fn the_end_of_time_does_not_panic(now in any::<Duration>(), later in any::<Duration>(), remaining in any::<u32>(), reset in any::<Duration>()) {
        let mut window = Window::new(RateLimit::per_minute(1));
        let _ = window.poll(now);
        window.observe(&RateHeaders { limit: Some(1), remaining: Some(remaining), reset: Some(reset), retry_after: Some(reset) }, Duration::MAX);
        let _ = window.poll(later);
        let _ = window.poll(Duration::MAX);
    }
}
