//! A program that uses the SDK as its documentation says.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::str::FromStr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::DateTime;
use futures_util::{StreamExt, TryStreamExt};
use pyannote::{Client, Diarization, Error, ErrorKind, Job, JobId, Request, RetryPolicy};
use pyannote_tests::fault_proxy::now_ms;
use pyannote_tests::soak::{Call, Callback, Event, audio_url};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::child::{API_KEY, fails, failure};
use crate::ledger::Ledger;

/// Number of submissions that a task takes at once.
pub(crate) const BLOCK: u64 = 8;
/// Time that a submission and the wait for its result take at most. Beyond it, the SDK hangs.
const LIMIT: Duration = Duration::from_secs(120);
/// The timeout of one attempt, which a stalled response takes.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(2);
/// The timeout of a wait, after which the caller waits again.
const WAIT_TIMEOUT: Duration = Duration::from_secs(30);
/// Delay before a caller repeats a call that failed.
const REPEAT_DELAY: Duration = Duration::from_millis(200);
/// By how much the clock of the service may be behind. The window of an error allows 5 min, in which a run has thousands
/// of jobs.
const CLOCK_TOLERANCE_MS: u64 = 100;
/// How often a caller submits again after a transient error.
const MAX_SUBMISSIONS: usize = 10;

/// A mistake that the judge must detect.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Sabotage {
    /// Submits a second time.
    Double,
    /// Forgets an accepted job.
    Lose,
    /// Waits forever.
    Hang,
    /// Takes one result for another.
    Confuse,
    /// Keeps memory.
    Leak,
}

impl FromStr for Sabotage {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let all = [
            Self::Double,
            Self::Lose,
            Self::Hang,
            Self::Confuse,
            Self::Leak,
        ];
        let found = all
            .into_iter()
            .find(|one| format!("{one:?}").eq_ignore_ascii_case(name));
        found.ok_or_else(|| format!("unknown sabotage {name}"))
    }
}

/// One submission of this many is sabotaged.
const SABOTAGED: u64 = 10;

/// A program with one client.
pub(crate) struct Caller {
    client: Client,
    ledger: Arc<Ledger>,
    seed: u64,
    sabotage: Option<Sabotage>,
    leak: Mutex<Vec<Vec<u8>>>,
}

impl Caller {
    pub(crate) fn new(url: &str, ledger: Arc<Ledger>, seed: u64, sabotage: Option<&str>) -> Self {
        let retry = RetryPolicy::default()
            .max_attempts(4)
            .base_delay(Duration::from_millis(50))
            .max_delay(Duration::from_millis(500));
        let [on_accepted, on_outcome_unknown] = [(); 2].map(|()| Arc::clone(&ledger));
        let client = Client::builder()
            .api_key(API_KEY)
            .base_url(url)
            .attempt_timeout(ATTEMPT_TIMEOUT)
            .total_timeout(Duration::from_secs(20))
            .retry(retry)
            .on_accepted(move |id| on_accepted.add_callback(&Callback::Accepted(id.to_string())))
            .on_outcome_unknown(move |_| on_outcome_unknown.add_callback(&Callback::OutcomeUnknown))
            .build()
            .unwrap();
        let sabotage = sabotage.map(|name| name.parse().unwrap());
        Self {
            client,
            ledger,
            seed,
            sabotage,
            leak: Mutex::default(),
        }
    }

    /// Submits a block of jobs and waits for them: all at once, or one by one in various ways.
    pub(crate) async fn run_block(&self, marks: Range<u64>) {
        let mut random = fastrand::Rng::with_seed(self.seed ^ marks.start);
        if random.f64() < 0.3 {
            let all: Vec<u64> = marks.collect();
            return self.limited(&all, self.many(&all)).await;
        }
        for mark in marks {
            match random.f64() {
                ..0.4 => self.limited(&[mark], self.submit_and_wait(mark)).await,
                ..0.6 => self.limited(&[mark], self.request_and_await(mark)).await,
                _ => {
                    // From less than a request takes to longer than most take.
                    let patience = Duration::from_secs_f64(10_f64.powf(-3.5 + 3.5 * random.f64()));
                    self.limited(&[mark], self.submit_and_drop(mark, patience))
                        .await;
                }
            }
        }
    }

    /// Runs what handles these submissions, and notes if it hangs.
    async fn limited(&self, marks: &[u64], work: impl Future<Output = ()>) {
        for mark in marks {
            self.note(*mark, Event::Started);
        }
        let hung = timeout(LIMIT, work).await.is_err();
        for mark in marks {
            if hung {
                self.note(*mark, Event::Hung);
            }
            self.note(*mark, Event::Ended);
        }
    }

    /// `submit`, then `wait`.
    async fn submit_and_wait(&self, mark: u64) {
        let Some(job) = self.submit(mark).await else {
            return;
        };
        match self.sabotaged(mark) {
            Some(Sabotage::Double) => drop(self.submit(mark).await),
            Some(Sabotage::Hang) => std::future::pending().await,
            Some(Sabotage::Leak) => self.leak.lock().unwrap().push(vec![1; 4 << 20]),
            _ => {}
        }
        self.deliver(mark, job).await;
    }

    /// Submits until the job is accepted, or may have been.
    async fn submit(&self, mark: u64) -> Option<Job<Diarization>> {
        for _ in 0..MAX_SUBMISSIONS {
            let start_ms = now_ms();
            match self.request(mark).submit().await {
                Ok(_) if self.sabotaged(mark) == Some(Sabotage::Lose) => return None,
                Ok(job) => {
                    self.accepted(mark, job.id());
                    return Some(job);
                }
                Err(error) => {
                    if !self.failed_submission(mark, start_ms, &error).await {
                        return None;
                    }
                }
            }
        }
        None
    }

    /// Notes that a submission failed. Returns whether to submit again, as the documentation of
    /// [`Error::is_transient`] allows. Looks for the job if it may exist.
    async fn failed_submission(&self, mark: u64, start_ms: u64, error: &Error) -> bool {
        self.failed(mark, Call::Submit, error);
        if error.kind() == ErrorKind::OutcomeUnknown {
            self.look_for(mark, start_ms, Some(error)).await;
        }
        if error.is_transient() {
            tokio::time::sleep(REPEAT_DELAY).await;
        }
        error.is_transient()
    }

    /// Submits and waits in one call, and waits again by the id in the error.
    async fn request_and_await(&self, mark: u64) {
        for _ in 0..MAX_SUBMISSIONS {
            let start_ms = now_ms();
            let accepted = self.hook(mark);
            let result = self
                .request(mark)
                .on_accepted(accepted)
                .timeout(WAIT_TIMEOUT)
                .await;
            match result {
                Err(error) if error.job_id().is_none() => {
                    if !self.failed_submission(mark, start_ms, &error).await {
                        return;
                    }
                }
                result => return self.check_or_wait(mark, Call::Wait, result).await,
            }
        }
    }

    /// Submits, and drops the submission after a while, as `select!` does. The callback may receive the job later.
    async fn submit_and_drop(&self, mark: u64, patience: Duration) {
        let (send, mut receive) = mpsc::unbounded_channel();
        let note = self.hook(mark);
        let request = self.request(mark).on_accepted(move |id| {
            note(id);
            let _ = send.send(id.clone());
        });
        let start_ms = now_ms();
        match timeout(patience, request.submit()).await {
            Ok(Ok(job)) => self.deliver(mark, job).await,
            Ok(Err(error)) => drop(self.failed_submission(mark, start_ms, &error).await),
            Err(_) => match receive.recv().await {
                Some(id) => self.deliver(mark, self.client.job(id)).await,
                // The submission has ended without an accepted job, or it is not known whether there is one.
                None => self.look_for(mark, start_ms, None).await,
            },
        }
    }

    /// Submits a block with `submit_all`, and waits for it with `wait_all`.
    async fn many(&self, marks: &[u64]) {
        let start_ms = now_ms();
        let requests = marks.iter().map(|mark| (*mark, self.request(*mark)));
        let mut submissions = self.client.submit_all(requests).concurrency(4);
        let mut marks: HashMap<JobId, u64> = HashMap::new();
        let mut jobs = Vec::new();
        while let Some((mark, result)) = submissions.next().await {
            match result {
                Ok(job) => {
                    self.accepted(mark, job.id());
                    marks.insert(job.id().clone(), mark);
                    jobs.push(job);
                }
                Err(error) => drop(self.failed_submission(mark, start_ms, &error).await),
            }
        }
        let mut results = self.client.wait_all(jobs);
        while let Some((id, result)) = results.next().await {
            self.check_or_wait(marks[&id], Call::WaitAll, result).await;
        }
    }

    fn request(&self, mark: u64) -> Request<Diarization> {
        self.client.diarize(audio_url(mark))
    }

    /// Waits for a job until its result arrives, however often the wait fails.
    async fn deliver(&self, mark: u64, job: Job<Diarization>) {
        let result = job.wait().timeout(WAIT_TIMEOUT).await;
        self.check_or_wait(mark, Call::Wait, result).await;
    }

    /// Checks a result, or waits again for the job in an error until there is one.
    async fn check_or_wait(
        &self,
        mark: u64,
        mut call: Call,
        mut result: Result<Diarization, Error>,
    ) {
        loop {
            match &result {
                Ok(_) => break,
                Err(error) if error.kind() == ErrorKind::JobFailed => break,
                Err(error) => {
                    self.failed(mark, call, error);
                    let id = error
                        .job_id()
                        .expect("every error of a wait has the job's id")
                        .clone();
                    tokio::time::sleep(REPEAT_DELAY).await;
                    result = self.client.job(id).wait().timeout(WAIT_TIMEOUT).await;
                    call = Call::Wait;
                }
            }
        }
        let expected = match self.sabotaged(mark) {
            Some(Sabotage::Confuse) => mark + 1,
            _ => mark,
        };
        let problem = problem(expected, &result);
        self.note(mark, Event::Delivered { problem });
    }

    /// Looks for a job that may exist: in the listing, among those that were created since the submission started.
    async fn look_for(&self, mark: u64, start_ms: u64, error: Option<&Error>) {
        let window = error.and_then(Error::submission_window);
        let window_ms = window.map(|window| {
            [window.start, window.end].map(|time| u64::try_from(time.timestamp_millis()).unwrap())
        });
        let start = i64::try_from(start_ms - CLOCK_TOLERANCE_MS).unwrap();
        let start = DateTime::from_timestamp_millis(start).unwrap();
        loop {
            let jobs = self.client.jobs().created_after(start).stream();
            let listed: Result<BTreeSet<String>, Error> =
                jobs.map_ok(|job| job.id.to_string()).try_collect().await;
            match listed {
                Ok(listed) => return self.note(mark, Event::MayExist { listed, window_ms }),
                Err(error) => self.failed(mark, Call::List, &error),
            }
            tokio::time::sleep(REPEAT_DELAY).await;
        }
    }

    /// Waits for the submissions that were dropped.
    pub(crate) async fn finish(&self) {
        self.client.finish_submissions().await;
    }

    /// A callback that notes an accepted job.
    fn hook(&self, mark: u64) -> impl Fn(&JobId) + Send + Sync + 'static {
        let ledger = Arc::clone(&self.ledger);
        move |id| {
            ledger.add(
                mark,
                Event::Accepted {
                    job: id.to_string(),
                },
            )
        }
    }

    fn accepted(&self, mark: u64, id: &JobId) {
        self.hook(mark)(id);
    }

    fn failed(&self, mark: u64, call: Call, error: &Error) {
        let kind = format!("{:?}", error.kind());
        self.note(mark, Event::Failed { call, kind });
    }

    fn note(&self, mark: u64, event: Event) {
        self.ledger.add(mark, event);
    }

    fn sabotaged(&self, mark: u64) -> Option<Sabotage> {
        self.sabotage.filter(|_| mark % SABOTAGED == SABOTAGED - 1)
    }
}

/// What is wrong with the result of a submission.
fn problem(mark: u64, result: &Result<Diarization, Error>) -> Option<String> {
    let expected = match fails(mark) {
        true => failure(mark),
        false => format!("{}..{}", mark, mark + 1),
    };
    let found = match result {
        Ok(diarization) => {
            let turns = diarization.turns().iter();
            turns
                .map(|turn| format!("{}..{}", turn.start, turn.end))
                .collect::<Vec<_>>()
                .join(", ")
        }
        Err(error) => error.to_string(),
    };
    let is_right = match result {
        Ok(_) => found == expected,
        Err(_) => found.contains(&expected),
    };
    (!is_right).then(|| format!("expected {expected:?}, got {found:?}"))
}
