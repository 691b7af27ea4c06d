//! A kernel as the host knows it: what a row of the table says, and a dispatch of it in the making.

use std::borrow::Cow;
use std::marker::PhantomData;

/// How a kernel uses a binding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Access {
    /// `var<uniform>`.
    Uniform,
    /// `var<storage, read>`.
    Read,
    /// `var<storage, read_write>`.
    ReadWrite,
}

/// One binding of a kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Binding {
    /// Its name in WGSL.
    pub name: &'static str,
    /// How it is used.
    pub access: Access,
}

/// One `override` of a kernel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Constant {
    /// Its name in WGSL.
    pub name: &'static str,
    /// Every value the host may give it; tests build the kernel with each.
    pub values: &'static [f64],
}

/// One member of a params struct.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Its name, the same in Rust and in WGSL.
    pub name: &'static str,
    /// Its offset in bytes.
    pub offset: usize,
    /// What it is.
    pub kind: FieldKind,
}

/// What a member of a params struct can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    /// A `u32`.
    U32,
    /// An `f32`.
    F32,
    /// A struct that several params structs share. It stands first and its size is a multiple of 16
    /// bytes, so that a uniform buffer has the layout of `repr(C)`.
    Struct(ParamsLayout),
}

/// The shape of a params struct, as Rust lays it out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParamsLayout {
    /// Its size in bytes.
    pub bytes: usize,
    /// Its members in order.
    pub fields: &'static [Field],
}

/// Whether every loop of a kernel makes a number of rounds that the host knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loops {
    /// Every loop counts towards a constant or a value of `params` and ends: naga's own loop
    /// bounding, which keeps back ends from unrolling, is left out.
    Counted,
    /// Some loop ends when its data says so: naga's bounding stays.
    Bounded,
}

/// A `repr(C)` struct that a kernel reads as the uniform at binding 0.
pub trait Params: bytemuck::Pod {
    /// Size and members, in the order of the WGSL.
    const LAYOUT: ParamsLayout;
}

/// A type that a member of a params struct may have.
pub trait ParamsField {
    /// What it is.
    const KIND: FieldKind;
}

impl ParamsField for u32 {
    const KIND: FieldKind = FieldKind::U32;
}

impl ParamsField for f32 {
    const KIND: FieldKind = FieldKind::F32;
}

impl<P: Params> ParamsField for P {
    const KIND: FieldKind = FieldKind::Struct(P::LAYOUT);
}

/// Everything that is known of a kernel except the type of its params: a row of the table of kernels.
#[derive(Debug, Clone, Copy)]
pub struct KernelRow {
    /// The entry point, the file's stem, the label, the test's name and the bench's id.
    pub name: &'static str,
    /// The WGSL.
    pub source: &'static str,
    /// The uniform at binding 0.
    pub params: ParamsLayout,
    /// The buffers from binding 1 on, inputs before outputs.
    pub bindings: &'static [Binding],
    /// Its overrides.
    pub constants: &'static [Constant],
    /// Invocations of a workgroup.
    pub lanes: u32,
    /// Bytes that a workgroup shares.
    pub workgroup_bytes: u32,
    /// Lines that stand for those the host appends for a shape, where the WGSL asks for any: what
    /// tests build the kernel with.
    pub shapes: &'static [&'static str],
    /// Whether its loops are counted. Only this crate says so of a kernel: on its word a check is
    /// left out.
    pub(crate) loops: Loops,
    /// The function of `reference::twins` it is held to.
    pub twin: &'static str,
}

/// One kernel: a WGSL entry point, all the host must know of it, and the type of its params.
///
/// A dispatch is made from a [`Launch`], and only [`Kernel::launch`] makes one, so that passing the params
/// of another kernel does not compile:
///
/// ```
/// use wgrad::kernels::{ADVANCE, AdvanceParams};
/// let launch = ADVANCE.launch(AdvanceParams { steps: 1 }, 1);
/// assert_eq!(launch.kernel().name, "advance");
/// ```
///
/// ```compile_fail,E0308
/// use wgrad::kernels::{ADVANCE, CanaryParams};
/// let launch = ADVANCE.launch(CanaryParams { rounds: 1 }, 1);
/// ```
#[derive(Debug)]
pub struct Kernel<P> {
    pub(crate) row: KernelRow,
    params: PhantomData<fn(P)>,
}

impl<P> Clone for Kernel<P> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<P> Copy for Kernel<P> {}

impl<P> std::ops::Deref for Kernel<P> {
    type Target = KernelRow;

    fn deref(&self) -> &KernelRow {
        &self.row
    }
}

impl<P: Params> Kernel<P> {
    /// A kernel of this crate. The layout of its params is that of `P`; what `row` says of it is replaced.
    pub(crate) const fn new(row: KernelRow) -> Kernel<P> {
        Kernel { row: KernelRow { params: P::LAYOUT, ..row }, params: PhantomData }
    }

    /// A kernel that is not in this crate's table, with all of naga's checks: params at binding 0, then
    /// `bindings`,
    /// in workgroups of `lanes` that share no memory.
    pub const fn foreign(
        name: &'static str,
        source: &'static str,
        bindings: &'static [Binding],
        lanes: u32,
    ) -> Kernel<P> {
        Kernel::new(KernelRow {
            name,
            source,
            params: P::LAYOUT,
            bindings,
            constants: &[],
            lanes,
            workgroup_bytes: 0,
            shapes: &[""],
            loops: Loops::Bounded,
            twin: "",
        })
    }

    /// The same kernel with other bindings of the same names and another size of workgroup memory: both may
    /// depend on the shape that it is specialised for.
    pub(crate) const fn with_memory(
        self,
        bindings: &'static [Binding],
        workgroup_bytes: u32,
    ) -> Kernel<P> {
        Kernel::new(KernelRow { bindings, workgroup_bytes, ..self.row })
    }

    /// Launches `invocations` invocations, specialised for the first of [`KernelRow::shapes`], with every
    /// override at its default and no loop rounds to count.
    pub fn launch(&self, params: P, invocations: usize) -> Launch {
        Launch {
            kernel: self.row,
            lines: self.shapes.first().copied().unwrap_or_default().into(),
            constants: Vec::new(),
            params: bytemuck::bytes_of(&params).to_vec(),
            invocations,
            rounds: 0,
        }
    }
}

/// A dispatch without its buffers: the kernel, its specialisation, its params and its grid.
#[derive(Debug, Clone)]
pub struct Launch {
    pub(super) kernel: KernelRow,
    pub(super) lines: Cow<'static, str>,
    pub(super) constants: Vec<(&'static str, f64)>,
    pub(super) params: Vec<u8>,
    pub(super) invocations: usize,
    pub(super) rounds: usize,
}

impl Launch {
    /// The kernel's row.
    pub fn kernel(&self) -> &KernelRow {
        &self.kernel
    }

    /// Loop rounds that an invocation makes at most.
    pub fn rounds(&self) -> usize {
        self.rounds
    }

    /// Sets an override.
    pub fn constant(mut self, name: &'static str, value: impl Into<f64>) -> Launch {
        self.constants.push((name, value.into()));
        self
    }

    /// Says how many loop rounds an invocation makes at most: software adapters stop beyond some.
    pub fn with_rounds(mut self, rounds: usize) -> Launch {
        self.rounds = rounds;
        self
    }

    /// The lines that specialise the kernel for a shape, appended to its WGSL so that the line
    /// numbers of an error stay the file's. For this crate's own lines alone: they may be compiled
    /// without a check.
    pub(crate) fn with_lines(mut self, lines: String) -> Launch {
        self.lines = lines.into();
        self
    }
}
