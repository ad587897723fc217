//! Limits of live streams.

use std::time::Duration;

/// Limits of live streams. The defaults are those of the pyannoteAI API as far as they are known.
///
/// ```
/// use std::time::Duration;
/// use pyannote_server::LiveLimits;
///
/// let limits = LiveLimits { streams_per_team: 2, ..LiveLimits::default() };
/// assert_eq!(limits.duration, Duration::from_secs(5 * 60 * 60));
/// assert_eq!(LiveLimits::disabled().streams_per_team, 0);
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LiveLimits {
    /// Streams of a team at the same time. With 0, requests for streams fail with status 403. Default: 10.
    pub streams_per_team: usize,
    /// Connected streams of all teams on this server at the same time; more are rejected with status 503. Default: 100.
    pub streams: usize,
    /// Maximum duration of a stream. After that, the events of its audio are sent, and it ends. Default: 5 h.
    pub duration: Duration,
    /// How much audio may be sent ahead of real time, counted from the first chunk. Default: 5 s.
    pub max_ahead: Duration,
    /// A stream without audio for this long ends. Default: 5 s.
    pub idle_timeout: Duration,
    /// How long the URL of a stream can be used. Default: 1 min.
    pub token_lifetime: Duration,
    /// How long a client may take to accept a message, or to send anything while it waits for the last events. After
    /// that, it counts as disconnected. Pings are sent three times as often. Default: 15 s.
    pub client_timeout: Duration,
    /// How long the engine may take to start, to accept audio, or to finish the stream. Default: 30 s.
    pub engine_timeout: Duration,
    /// How long a stream stays `running` after its server was killed. Then it becomes `error`. Default: 15 s.
    pub lease: Duration,
}

impl LiveLimits {
    /// Disables live streams: requests for them fail with status 403.
    #[must_use]
    pub fn disabled() -> Self {
        Self {
            streams_per_team: 0,
            ..Self::default()
        }
    }
}

impl Default for LiveLimits {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            streams_per_team: 10,
            streams: 100,
            duration: seconds(5 * 60 * 60),
            max_ahead: seconds(5),
            idle_timeout: seconds(5),
            token_lifetime: seconds(60),
            client_timeout: seconds(15),
            engine_timeout: seconds(30),
            lease: seconds(15),
        }
    }
}
