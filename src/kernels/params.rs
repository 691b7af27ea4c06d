//! How params structs are declared: `repr(C)`, with the layout that the compiler gives them, which
//! `tests/shaders.rs` holds to the WGSL.

/// Declares a params struct and its layout.
macro_rules! params {
    ($(#[$meta:meta])* $type:ident { $( $(#[$doc:meta])* $field:ident: $kind:ident, )+ }) => {
        $(#[$meta])*
        #[repr(C)]
        #[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
        pub struct $type { $( $(#[$doc])* pub $field: $kind, )+ }

        impl $crate::gpu::Params for $type {
            const LAYOUT: $crate::gpu::ParamsLayout = $crate::gpu::ParamsLayout {
                bytes: size_of::<$type>(),
                fields: &[$( $crate::gpu::Field {
                    name: stringify!($field),
                    offset: std::mem::offset_of!($type, $field),
                    kind: <$kind as $crate::gpu::ParamsField>::KIND,
                }, )+],
            };
        }
    };
}
pub(super) use params;
