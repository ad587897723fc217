//! Processor time of a process, on Linux.

/// Ticks of the kernel's clock for user space, which is the same on all platforms.
const TICKS_PER_S: f64 = 100.0;

/// Time on processors in seconds. `process` is an id, or `self`.
pub(crate) fn cpu_s(process: &str) -> Option<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name of the program, which may contain spaces, ends with the last parenthesis.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / TICKS_PER_S)
}
