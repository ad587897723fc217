//! What a soak test prints.

use std::collections::BTreeMap;
use std::time::Duration;

use pyannote_tests::fault_proxy::{FAULTS, Operation};
use pyannote_tests::soak::{Call, Charge, Culprit, Event, Evidence, Exchange, Halves, mark_of};
use serde_json::json;

/// Number of culprits that are listed.
const MAX_CULPRITS: usize = 50;
/// What the counters of a run are called, by charge.
const CHARGES: [(Charge, &str); 9] = [
    (Charge::Lost, "lost"),
    (Charge::Doubled, "doubled"),
    (Charge::Unreported, "unreported"),
    (Charge::Hung, "hung"),
    (Charge::WrongResult, "wrong"),
    (Charge::Phantom, "phantom"),
    (Charge::Redirected, "redirected"),
    (Charge::Server, "server"),
    (Charge::Memory, "memory"),
];

/// How a run was made.
pub(crate) struct Run {
    pub(crate) seed: u64,
    pub(crate) submissions: u64,
    pub(crate) tasks: usize,
    pub(crate) duration: Duration,
}

pub(crate) fn print(run: &Run, evidence: &Evidence, culprits: &[Culprit]) {
    print_faults(evidence);
    println!();
    print_errors(evidence);
    let faults = evidence
        .exchanges
        .iter()
        .filter(|exchange| exchange.fault.is_some())
        .count();
    let halves = Halves::of(&evidence.samples);
    let [allocated, resident] =
        [halves.allocated, halves.resident].map(|halves| halves.map(megabytes));
    let accepted = count(evidence, |event| matches!(event, Event::Accepted { .. }));
    let delivered = count(evidence, |event| matches!(event, Event::Delivered { .. }));
    let may_exist = count(evidence, |event| matches!(event, Event::MayExist { .. }));
    println!();
    for (name, value) in [
        ("submissions", run.submissions.to_string()),
        ("requests", evidence.exchanges.len().to_string()),
        ("faults", faults.to_string()),
        (
            "jobs in the server's record",
            evidence.jobs.len().to_string(),
        ),
        ("jobs accepted, by the callers", accepted.to_string()),
        ("results delivered", delivered.to_string()),
        ("looked for in the listing", may_exist.to_string()),
        (
            "allocated, MB, by half",
            format!("{:.1} {:.1}", allocated[0], allocated[1]),
        ),
        (
            "resident, MB, by half",
            format!("{:.1} {:.1}", resident[0], resident[1]),
        ),
        ("duration, s", format!("{:.0}", run.duration.as_secs_f64())),
    ] {
        println!("{name:32} {value:>12}");
    }
    let mut summary = json!({
        "submissions": run.submissions,
        "tasks": run.tasks,
        "seed": run.seed,
        "requests": evidence.exchanges.len(),
        "faults": faults,
        "jobs": evidence.jobs.len(),
        "delivered": delivered,
        "allocated_mb": allocated,
        "resident_mb": resident,
        "duration_s": run.duration.as_secs(),
    });
    for (charge, name) in CHARGES {
        let number = culprits
            .iter()
            .filter(|culprit| culprit.charge == charge)
            .count();
        println!("{name:32} {number:>12}");
        summary[name] = number.into();
    }
    println!();
    for culprit in culprits.iter().take(MAX_CULPRITS) {
        println!("{culprit}");
    }
    if culprits.len() > MAX_CULPRITS {
        println!("… and {} more", culprits.len() - MAX_CULPRITS);
    }
    println!("{summary}");
}

fn count(evidence: &Evidence, matches: impl Fn(&Event) -> bool) -> usize {
    evidence
        .entries
        .iter()
        .filter(|entry| matches(&entry.event))
        .count()
}

fn megabytes(bytes: usize) -> f64 {
    (bytes as f64 / 1e5).round() / 10.0
}

/// Prints how often each kind of fault was injected, and what the caller observed.
fn print_faults(evidence: &Evidence) {
    let observed = observed(evidence);
    println!("{:44} {:>8}  observed as", "fault", "injected");
    for fault in FAULTS {
        let of_fault = observed.iter().filter(|((name, _), _)| *name == fault.name);
        let outcomes: Vec<String> = of_fault
            .clone()
            .map(|((_, outcome), number)| format!("{outcome} {number}"))
            .collect();
        let injected: usize = of_fault.map(|(_, number)| number).sum();
        println!("{:44} {injected:>8}  {}", fault.name, outcomes.join(", "));
    }
}

/// Counts the faults by name and by what the caller observed: the error of the call whose last request met the fault.
/// Otherwise, nothing: another attempt or poll followed, or the response was good enough.
fn observed(evidence: &Evidence) -> BTreeMap<(&str, String), usize> {
    // The errors of each mark, in order.
    let mut errors: BTreeMap<u64, Vec<(u64, Call, &str)>> = BTreeMap::new();
    for entry in &evidence.entries {
        if let Event::Failed { call, kind } = &entry.event {
            errors
                .entry(entry.mark)
                .or_default()
                .push((entry.at_ms, *call, kind));
        }
    }
    let mut requests: BTreeMap<(Operation, u64), Vec<&Exchange>> = BTreeMap::new();
    let mut counts = BTreeMap::new();
    for exchange in &evidence.exchanges {
        match mark_of(&exchange.audio) {
            Some(mark) => requests
                .entry((exchange.operation, mark))
                .or_default()
                .push(exchange),
            None => {
                if let Some(fault) = &exchange.fault {
                    *counts
                        .entry((fault.as_str(), "(listing)".to_owned()))
                        .or_default() += 1;
                }
            }
        }
    }
    for ((operation, mark), mut exchanges) in requests {
        exchanges.sort_by_key(|exchange| exchange.at_ms);
        let none = Vec::new();
        let errors = errors.get(&mark).unwrap_or(&none);
        for (index, exchange) in exchanges.iter().enumerate() {
            let Some(fault) = &exchange.fault else {
                continue;
            };
            let next_ms = exchanges.get(index + 1).map_or(u64::MAX, |next| next.at_ms);
            let error = errors.iter().find(|(at_ms, call, _)| {
                (operation == Operation::Submit) == (*call == Call::Submit)
                    && (exchange.at_ms..next_ms).contains(at_ms)
            });
            let outcome = error.map_or("no error", |(_, _, kind)| kind).to_owned();
            *counts.entry((fault.as_str(), outcome)).or_default() += 1;
        }
    }
    counts
}

/// Prints the errors that the callers saw, by call and kind.
fn print_errors(evidence: &Evidence) {
    let mut counts: BTreeMap<(Call, &str), usize> = BTreeMap::new();
    for entry in &evidence.entries {
        if let Event::Failed { call, kind } = &entry.event {
            *counts.entry((*call, kind)).or_default() += 1;
        }
    }
    println!("{:44} {:>8}", "error", "number");
    for ((call, kind), number) in counts {
        println!("{:44} {number:>8}", format!("{call:?}: {kind}"));
    }
}
