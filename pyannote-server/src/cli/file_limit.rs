//! The limit of open files of the process.

/// Number of open files that connections, recordings and the database need at most by default. Not more: on macOS, higher
/// limits are refused.
#[cfg(unix)]
const MAX_FILES: u64 = 10_240;

/// Raises the limit of open files, which is often 1,024 although the process may have more. If that fails, fewer
/// connections are accepted.
pub(super) fn raise() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, getrlimit, setrlimit};
        let mut limit = getrlimit(Resource::Nofile);
        let wanted = limit.maximum.unwrap_or(u64::MAX).min(MAX_FILES);
        if limit.current.is_some_and(|current| current < wanted) {
            limit.current = Some(wanted);
            if let Err(error) = setrlimit(Resource::Nofile, limit) {
                tracing::warn!(%error, "failed to raise the limit of open files");
            }
        }
    }
}
