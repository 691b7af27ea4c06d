//! A kernel as the host knows it: what a row of the table says.

/// How a kernel uses a binding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// `var<uniform>`.
    Uniform,
    /// `var<storage, read>`.
    Read,
    /// `var<storage, read_write>`.
    ReadWrite,
}

/// One binding of a kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    /// `u32` or `f32`.
    pub scalar: &'static str,
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

/// One kernel: a WGSL entry point and all the host must know of it.
#[derive(Debug, Clone, Copy)]
pub struct Kernel {
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

impl Kernel {
    /// A kernel from elsewhere, with all of naga's checks: `params` at binding 0, then `bindings`,
    /// in workgroups of `lanes` that share no memory.
    pub const fn foreign(
        name: &'static str,
        source: &'static str,
        params: ParamsLayout,
        bindings: &'static [Binding],
        lanes: u32,
    ) -> Kernel {
        Kernel {
            name,
            source,
            params,
            bindings,
            constants: &[],
            lanes,
            workgroup_bytes: 0,
            shapes: &[""],
            loops: Loops::Bounded,
            twin: "",
        }
    }

    pub(super) fn first_shape(&self) -> &'static str {
        self.shapes.first().copied().unwrap_or_default()
    }
}
