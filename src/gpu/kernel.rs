//! A kernel on the host: its row in the table of kernels, and a launch of it.

use std::fmt;
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

/// Whether the host knows the number of iterations of every loop of a kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loops {
    /// Every loop counts up to a constant or a value of `params`: naga's loop bounding, which keeps
    /// back ends from unrolling, is switched off.
    Counted,
    /// The data decides when some loop ends: naga's loop bounding stays on.
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

/// The WGSL of a kernel. Files that several kernels have in common are kept once, not in the text of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Source {
    /// Its own file, first in the text, so that the line numbers of an error are those of the file.
    pub own: &'static str,
    /// The files of `common/` behind it.
    pub common: &'static [&'static str],
}

impl Source {
    /// Whether a piece of text stands in one of its files.
    pub fn contains(&self, text: &str) -> bool {
        self.own.contains(text) || self.common.iter().any(|file| file.contains(text))
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.own)?;
        self.common.iter().try_for_each(|file| write!(f, "\n{file}"))
    }
}

/// A row of the table of kernels: a kernel without the type of its params.
#[derive(Debug, Clone, Copy)]
pub struct KernelRow {
    /// The entry point, the file's stem, the label, the test's name and the bench's id.
    pub name: &'static str,
    /// The WGSL.
    pub source: Source,
    /// The uniform at binding 0.
    pub params: ParamsLayout,
    /// The buffers from binding 1 on, inputs before outputs.
    pub bindings: &'static [Binding],
    /// Its overrides.
    pub constants: &'static [Constant],
    /// Invocations of a workgroup.
    pub lanes: u32,
    /// Bytes of workgroup memory.
    pub workgroup_bytes: u32,
    /// Whether its loops are counted. Only this crate may set it: it switches a check off.
    pub(crate) loops: Loops,
    /// The function of `reference::twins` that it is compared with.
    pub twin: &'static str,
}

/// A kernel: its row and the type of its params.
///
/// A dispatch is created from a [`Launch`], and only [`Kernel::launch`] creates one: params of another
/// kernel do not compile.
///
/// ```
/// use wgrad::kernels::{ADVANCE, AdvanceParams};
/// let launch = ADVANCE.launch(AdvanceParams { steps: 1 }, 1);
/// assert_eq!(launch.kernel().name, "advance");
/// ```
///
/// ```compile_fail,E0308
/// use wgrad::kernels::{ADVANCE, CanaryParams};
/// let launch = ADVANCE.launch(CanaryParams { iterations: 1 }, 1);
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
    /// A kernel of this crate; the layout of its params is that of `P`.
    pub(crate) const fn new(row: KernelRow) -> Kernel<P> {
        Kernel { row: KernelRow { params: P::LAYOUT, ..row }, params: PhantomData }
    }

    /// A kernel of another crate, with all of naga's checks: params at binding 0, then `bindings`, in
    /// workgroups of `lanes` without workgroup memory.
    pub const fn foreign(
        name: &'static str,
        source: &'static str,
        bindings: &'static [Binding],
        lanes: u32,
    ) -> Kernel<P> {
        Kernel::new(KernelRow {
            name,
            source: Source { own: source, common: &[] },
            params: P::LAYOUT,
            bindings,
            constants: &[],
            lanes,
            workgroup_bytes: 0,
            loops: Loops::Bounded,
            twin: "",
        })
    }

    /// The same kernel with the bindings and the workgroup memory that the lines appended for a shape
    /// give it.
    pub(crate) const fn with_memory(
        self,
        bindings: &'static [Binding],
        workgroup_bytes: u32,
    ) -> Kernel<P> {
        Kernel::new(KernelRow { bindings, workgroup_bytes, ..self.row })
    }

    /// The same kernel in workgroups of another size, with so much workgroup memory.
    pub(crate) const fn with_lanes(self, lanes: u32, workgroup_bytes: u32) -> Kernel<P> {
        Kernel::new(KernelRow { lanes, workgroup_bytes, ..self.row })
    }

    /// A launch of `invocations` invocations with few loop iterations, with every override at its
    /// default.
    pub fn launch(&self, params: P, invocations: usize) -> Launch {
        Launch {
            kernel: self.row,
            lines: String::new(),
            constants: Vec::new(),
            params: bytemuck::bytes_of(&params).to_vec(),
            invocations,
            iterations: 0,
        }
    }
}

/// A dispatch without its buffers: the kernel with its constants, its params and its grid.
#[derive(Debug, Clone)]
pub struct Launch {
    pub(super) kernel: KernelRow,
    pub(super) lines: String,
    pub(super) constants: Vec<(&'static str, f64)>,
    pub(super) params: Vec<u8>,
    pub(super) invocations: usize,
    pub(super) iterations: usize,
}

impl Launch {
    /// The kernel's row.
    pub fn kernel(&self) -> &KernelRow {
        &self.kernel
    }

    /// The most loop iterations of an invocation.
    pub fn iterations(&self) -> usize {
        self.iterations
    }

    /// Sets an override.
    pub fn constant(mut self, name: &'static str, value: impl Into<f64>) -> Launch {
        self.constants.push((name, value.into()));
        self
    }

    /// Sets the most loop iterations of an invocation: software adapters have a limit.
    pub fn with_iterations(mut self, iterations: usize) -> Launch {
        self.iterations = iterations;
        self
    }

    /// The lines that specialise the kernel for a shape, if it needs any.
    pub fn lines(&self) -> &str {
        &self.lines
    }

    /// Sets the lines that specialise the kernel for a shape. They are appended to its WGSL, so that
    /// the line numbers of errors match the file. For this crate's lines only: they may be compiled
    /// without a check.
    pub(crate) fn with_lines(mut self, lines: String) -> Launch {
        self.lines = lines;
        self
    }

    /// The same with a piece of its WGSL replaced, which must stand there once.
    ///
    /// # Errors
    /// How often it does stand there.
    pub(crate) fn patched(&self, from: &str, to: &str) -> Result<Launch, usize> {
        let text = format!("{}\n{}", self.kernel.source, self.lines);
        match text.matches(from).count() {
            1 => {
                let source = Source { own: "", common: &[] };
                let kernel = KernelRow { source, ..self.kernel };
                Ok(Launch { kernel, lines: text.replacen(from, to, 1), ..self.clone() })
            }
            count => Err(count),
        }
    }
}
