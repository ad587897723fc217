//! Loops that use the vector instructions of the processor that they run on.

/// Runs a loop that was compiled for several instruction sets, in the best one that the processor has.
///
/// Whatever the loop calls has to be `#[inline(always)]`, or it is compiled for the oldest processor.
#[inline]
pub(crate) fn vectorized<R>(work: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(work)
}
