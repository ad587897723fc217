//! How fast the workers of many machines take jobs from one PostgreSQL, and what they cost it while there is nothing to
//! do: `cargo bench -p pyannote-tests --bench claims`.
//!
//! All machines are in this process, each with workers, connections and polls of its own. A cluster is started for them,
//! which writes to the disk as a real one does. The jobs take no time, so that the database is the limit.
#![cfg_attr(unix, allow(clippy::unwrap_used))]

#[cfg(not(unix))]
fn main() {}

#[cfg(unix)]
#[tokio::main]
async fn main() {
    simulation::run().await;
}

#[cfg(unix)]
mod simulation {
    use std::collections::{BTreeMap, HashSet};
    use std::sync::{Arc, Mutex};
    use std::time::{Duration, Instant};

    use clap::Parser;
    use futures_util::future::join_all;
    use pyannote_server::engine::{Engine, EngineFuture, EngineJob};
    use pyannote_server::store::Store;
    use pyannote_server::worker::{WorkerConfig, Workers};
    use pyannote_tests::postgres::Cluster;
    use serde_json::json;
    use sqlx::{AnyPool, Row};
    use tokio::time::sleep;

    const SAMPLE_INTERVAL: Duration = Duration::from_millis(100);

    /// Claims of many workers on one PostgreSQL
    #[derive(Parser)]
    struct Arguments {
        /// Number of machines, each with a poll and up to 4 connections
        #[arg(long, default_value_t = 250)]
        machines: usize,
        /// Lanes of each machine: jobs that are processed at the same time
        #[arg(long, default_value_t = 4)]
        lanes: usize,
        /// Number of jobs
        #[arg(long, default_value_t = 20_000)]
        jobs: usize,
        /// Duration of a job, in milliseconds
        #[arg(long, default_value_t = 0)]
        job_ms: u64,
        /// How long the load of idle machines is measured, in seconds
        #[arg(long, default_value_t = 10)]
        idle_s: u64,
        /// Let PostgreSQL not wait for the disk (fsync=off)
        #[arg(long)]
        no_fsync: bool,
        /// Passed by `cargo bench` to every benchmark
        #[arg(long, hide = true)]
        bench: bool,
    }

    /// Takes a fixed time for each job, and records which jobs were run.
    struct CountingEngine {
        duration: Duration,
        jobs: Mutex<HashSet<String>>,
        runs: Mutex<usize>,
    }

    impl Engine for CountingEngine {
        fn needs_audio(&self) -> bool {
            false
        }

        fn process(&self, job: EngineJob) -> EngineFuture<'_> {
            Box::pin(async move {
                sleep(self.duration).await;
                self.jobs.lock().unwrap().insert(job.id);
                *self.runs.lock().unwrap() += 1;
                Ok(json!({ "diarization": [] }).into())
            })
        }
    }

    pub(super) async fn run() {
        let arguments = Arguments::parse();
        // 4 of each machine, and those of this benchmark.
        let connections = 4 * arguments.machines + 10;
        let fsync = if arguments.no_fsync { "off" } else { "on" };
        let options = format!("-c fsync={fsync} -c max_connections={connections}");
        let Some(cluster) = Cluster::start_with(&options) else {
            return;
        };
        let url = cluster.url();
        let store = Store::connect(&url).await.unwrap();
        let pool = AnyPool::connect(&url).await.unwrap();
        let engine = Arc::new(CountingEngine {
            duration: Duration::from_millis(arguments.job_ms),
            jobs: Mutex::default(),
            runs: Mutex::default(),
        });
        let start = Instant::now();
        let machines = (0..arguments.machines).map(|_| machine(&url, &engine, arguments.lanes));
        let machines = join_all(machines).await;
        println!(
            "{} machines with {} lanes each are ready after {:.1} s",
            arguments.machines,
            arguments.lanes,
            start.elapsed().as_secs_f64()
        );

        let before = transactions(&pool).await;
        let (start, cpu_s) = (Instant::now(), cluster.cpu_s());
        sleep(Duration::from_secs(arguments.idle_s)).await;
        let elapsed = start.elapsed().as_secs_f64();
        let idle = (transactions(&pool).await - before) as f64 / elapsed;
        println!(
            "idle: {idle:.0} transactions/s, {:.1} per machine; {} connections; {:.0} % of a processor",
            idle / arguments.machines as f64,
            count_connections(&pool).await,
            (cluster.cpu_s() - cpu_s) * 100.0 / elapsed,
        );

        add_jobs(&pool, arguments.jobs).await;
        let (start, cpu_s) = (Instant::now(), cluster.cpu_s());
        let mut waits = BTreeMap::<String, usize>::new();
        while open(&store).await > 0 {
            for wait in current_waits(&pool).await {
                *waits.entry(wait).or_default() += 1;
            }
            sleep(SAMPLE_INTERVAL).await;
        }
        let elapsed = start.elapsed().as_secs_f64();
        println!(
            "{} jobs: {:.0} claimed and ended a second; {:.0} % of a processor, {:.2} ms a job",
            arguments.jobs,
            arguments.jobs as f64 / elapsed,
            (cluster.cpu_s() - cpu_s) * 100.0 / elapsed,
            (cluster.cpu_s() - cpu_s) * 1000.0 / arguments.jobs as f64,
        );
        let samples: usize = waits.values().sum();
        let mut waits: Vec<_> = waits.into_iter().collect();
        waits.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        println!("what active connections were waiting for:");
        for (wait, count) in waits.iter().take(6) {
            println!("{:5.1} %  {wait}", *count as f64 * 100.0 / samples as f64);
        }
        let runs = *engine.runs.lock().unwrap();
        let jobs = engine.jobs.lock().unwrap().len();
        assert_eq!((runs, jobs), (arguments.jobs, arguments.jobs), "runs, jobs");
        println!("each job was run once");
        join_all(machines.into_iter().map(Workers::stop)).await;
    }

    /// The workers of a machine, with connections of their own.
    async fn machine(url: &str, engine: &Arc<CountingEngine>, lanes: usize) -> Workers {
        let config = WorkerConfig {
            store: Store::connect(url).await.unwrap(),
            engine: Arc::clone(engine) as Arc<dyn Engine>,
            audio: None,
            webhook_secret: None,
            allow_private_networks: false,
            faults: Default::default(),
            concurrency: lanes,
        };
        Workers::start(config).await.unwrap()
    }

    async fn add_jobs(pool: &AnyPool, jobs: usize) {
        let insert = "
INSERT INTO jobs (id, team, kind, status, created_at, updated_at, request)
SELECT gen_random_uuid()::text, 'local', 'diarize', 'created', 0, 0, '{\"url\": \"media://a\"}'
FROM generate_series(1, $1)";
        let insert = sqlx::query(insert).bind(i32::try_from(jobs).unwrap());
        insert.execute(pool).await.unwrap();
        sqlx::query("ANALYZE jobs").execute(pool).await.unwrap();
    }

    async fn open(store: &Store) -> u64 {
        let counts = store.counts().await.unwrap();
        let open = counts.iter().filter(|(status, _)| !status.is_final());
        open.map(|(_, jobs)| jobs).sum()
    }

    /// Number of transactions so far. PostgreSQL publishes those of a connection with a delay of a second.
    async fn transactions(pool: &AnyPool) -> i64 {
        number(
            pool,
            "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()",
        )
        .await
    }

    async fn count_connections(pool: &AnyPool) -> i64 {
        number(
            pool,
            "SELECT COUNT(*) FROM pg_stat_activity WHERE backend_type = 'client backend'",
        )
        .await
    }

    async fn number(pool: &AnyPool, query: &'static str) -> i64 {
        let row = sqlx::query(query).fetch_one(pool).await.unwrap();
        row.get(0)
    }

    /// What each active connection is waiting for now: a lock, the disk, or nothing.
    async fn current_waits(pool: &AnyPool) -> Vec<String> {
        let rows = sqlx::query(
            "
SELECT COALESCE(wait_event_type || ' ' || wait_event, 'nothing: it computes')
FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid()",
        );
        let rows = rows.fetch_all(pool).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }
}
