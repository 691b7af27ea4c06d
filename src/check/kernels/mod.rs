//! The cases of every kernel: for each a list of launches with what must come of them, as plain data.

mod matmul;

use crate::check::{Case, Scope};
pub use matmul::shape as matmul_shape;

/// A kernel with its cases.
#[derive(Debug, Clone, Copy)]
pub struct KernelCases {
    /// Its name in [`kernels::ALL`](crate::kernels::ALL).
    pub name: &'static str,
    /// Its cases on an adapter.
    pub cases: fn(&Scope) -> Vec<Case>,
}

/// Every kernel's, in the order of [`kernels::ALL`](crate::kernels::ALL).
pub const CASES: &[KernelCases] = &[KernelCases { name: "matmul", cases: matmul::cases }];
