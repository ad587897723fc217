//! Neural network layers.
//!
//! A signal is a row-major matrix with one row per frame and one column per channel. A convolution over time is
//! therefore a matrix product without an im2col copy: a kernel that spans several frames reads overlapping rows. Products
//! and element-wise loops ([`vectorized`]) use the best instruction set of the processor, which pulp selects at run time.

mod activation;
mod batch_norm;
mod conv2d;
mod instance_norm;
mod layer_norm;
mod linear;
mod lstm;
mod matmul;
mod matrix;
mod max_pool;
mod planes;
mod quantized;

pub(crate) use activation::{
    add_relu, bias_leaky_relu, bias_relu, gelu, leaky_relu, sigmoid, softmax,
};
pub(crate) use batch_norm::BatchNorm;
pub(crate) use conv2d::{Conv2d, ResidualBlock, Stride};
pub(crate) use instance_norm::{InstanceNorm, moments};
pub(crate) use layer_norm::LayerNorm;
pub(crate) use linear::{Linear, load_conv};
pub(crate) use lstm::Lstm;
pub(crate) use matmul::{add_product, add_quantized_product, product, quantized_product};
pub(crate) use matrix::{Matrix, Rows, RowsMut};
pub(crate) use max_pool::{POOL_FRAMES, max_pool};
pub(crate) use planes::Planes;
pub(crate) use quantized::QuantizedMatrix;

/// Runs a loop compiled for several instruction sets, using the best one that the processor supports.
///
/// Everything the loop calls must be `#[inline(always)]`. A long closure may not be inlined and is then compiled for
/// the baseline instruction set; use a struct whose [`call`](pulp::NullaryFnOnce::call) is `#[inline(always)]` instead.
#[inline]
pub(crate) fn vectorized<W: pulp::NullaryFnOnce>(work: W) -> W::Output {
    pulp::Arch::new().dispatch(work)
}
