//! Loops that use the vector instructions of the processor that they run on.

/// Runs a loop that was compiled for several instruction sets, in the best one that the processor has.
///
/// A long closure may be compiled for the oldest processor instead: a type of its own, whose `call` is
/// `#[inline(always)]`, cannot. Whatever the loop calls has to be `#[inline(always)]`, too.
#[inline]
pub(crate) fn vectorized<W: pulp::NullaryFnOnce>(work: W) -> W::Output {
    pulp::Arch::new().dispatch(work)
}
