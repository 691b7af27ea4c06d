//! What engines are called, and the ways in which they may work.

use crate::network::named;

named! {
    /// Which way to run.
    pub enum EngineKind ("engine") {
        /// On a GPU: many steps, and many networks, in one dispatch.
        Resident = "resident",
        /// On a GPU: each step a list of dispatches, one or more per layer.
        Layered = "layered",
        /// On the CPU, in f32.
        Cpu = "cpu",
    }
}

named! {
    /// Which kernels a step of the layered engine is made of.
    pub enum Kernels ("kernels") {
        /// Few dispatches, each a layer's product with what goes before and after it.
        Fused = "fused",
        /// One formula each: every intermediate is a buffer that can be read.
        Plain = "plain",
    }
}

named! {
    /// How the resident engine maps a network to invocations: one network per invocation or per workgroup.
    pub enum Mapping ("mapping") {
        /// One invocation, in its registers: the smallest networks, a hundred thousand at once.
        Invocation = "invocation",
        /// One workgroup, in the memory that it shares: one network, or some hundreds.
        Workgroup = "workgroup",
    }
}
