//! Memory of processes, on Linux.

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

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::memory_bytes;

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
}
