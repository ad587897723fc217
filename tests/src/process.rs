//! Memory and processor time of processes, on Linux.

use std::time::Duration;

/// A value in `/proc/{process}/status`, in bytes: `VmHWM` is the peak of resident memory, `VmRSS` the present one.
///
/// `process` is an id, or `self`. Returns `None` if the process has ended, or on other platforms.
#[must_use]
pub fn memory_bytes(process: &str, name: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let mut lines = status.lines().filter_map(|line| line.split_once(':'));
    let (_, value) = lines.find(|(found, _)| *found == name)?;
    let kibibytes: u64 = value.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes * 1024)
}

/// The processor time of all threads of this process that have not ended. Other processes hardly affect it.
///
/// Returns `None` on other platforms.
#[must_use]
pub fn processor_time() -> Option<Duration> {
    let mut sum = Duration::ZERO;
    for thread in std::fs::read_dir("/proc/self/task").ok()? {
        let text = std::fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        sum += Duration::from_nanos(text.split_whitespace().next()?.parse().ok()?);
    }
    Some(sum)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::{memory_bytes, processor_time};

    #[test]
    fn memory_of_this_process() {
        for name in ["VmHWM", "VmRSS"] {
            let bytes = memory_bytes("self", name).unwrap();
            assert!(
                (100_000..10_000_000_000).contains(&bytes),
                "{name}: {bytes}"
            );
        }
        assert_eq!(memory_bytes("self", "VmNone"), None);
    }

    #[test]
    fn work_takes_processor_time() {
        let before = processor_time().unwrap();
        let work = (0..10_000_000_u64).fold(0, |sum: u64, n| sum.wrapping_mul(31) ^ n);
        std::hint::black_box(work);
        assert!(processor_time().unwrap() > before);
    }
}
