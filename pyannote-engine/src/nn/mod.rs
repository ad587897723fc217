//! The layers that the models are made of.
//!
//! A signal is a matrix with a row for each frame and a column for each channel, row by row in memory. So a convolution
//! over time is a matrix product without any copy: a kernel that spans several frames sees rows that overlap. The
//! products are faer's, which picks the best instructions of the processor at run time; the loops over elements are
//! compiled for several instruction sets and picked by pulp.

mod activation;
mod batch_norm;
mod conv;
mod instance_norm;
mod linear;
mod lstm;
mod matrix;
mod pool;
mod simd;

pub(crate) use activation::{add_relu, bias_leaky_relu, bias_relu, leaky_relu, sigmoid, softmax};
pub(crate) use batch_norm::BatchNorm;
pub(crate) use conv::load_conv;
pub(crate) use instance_norm::{InstanceNorm, moments};
pub(crate) use linear::Linear;
pub(crate) use lstm::Lstm;
pub(crate) use matrix::{Matrix, Rows, RowsMut, add_product, product};
pub(crate) use pool::max_pool;
pub(crate) use simd::vectorized;
