//! Enums whose values have names: the names are what flags, files and reports use.

/// A word that names no value of the kind asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind} {value:?} is unknown; choose one of {choices}")]
#[non_exhaustive]
pub struct UnknownName {
    /// What was asked for, as in "loss".
    pub kind: &'static str,
    /// What was given.
    pub value: String,
    /// The names there are, joined by commas.
    pub choices: String,
}

/// Declares an enum with a name per value, and everything that follows from the names:
/// `ALL`, `NAMES`, `name()`, `Display`, `FromStr` (which reads `_` as `-`), and serde as that string.
macro_rules! named {
    (
        $(#[$meta:meta])*
        pub enum $type:ident ($kind:literal) {
            $( $(#[$doc:meta])* $variant:ident = $name:literal $(| $alias:literal)*, )+
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $type { $( $(#[$doc])* $variant, )+ }

        impl $type {
            /// Every value, in the order in which they are listed to a person.
            // Not everybody asks for them.
            #[allow(dead_code)]
            pub const ALL: &'static [$type] = &[$( $type::$variant, )+];

            /// Every name with its other spellings, in the order of [`Self::ALL`].
            pub const NAMES: &'static [(&'static str, &'static [&'static str])] =
                &[$( ($name, &[$( $alias, )*]), )+];

            /// The one name of this value.
            pub const fn name(self) -> &'static str {
                match self { $( $type::$variant => $name, )+ }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.name())
            }
        }

        impl std::str::FromStr for $type {
            type Err = $crate::network::UnknownName;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text.replace('_', "-").to_ascii_lowercase().as_str() {
                    $( $name $(| $alias)* => Ok($type::$variant), )+
                    _ => Err($crate::network::UnknownName {
                        kind: $kind,
                        value: text.to_owned(),
                        choices: [$( $name, )+].join(", "),
                    }),
                }
            }
        }

        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.name())
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use named;

/// Declares a [`named!`] enum each of whose values has a row: all that is known of it, in one place.
macro_rules! family {
    (
        $(#[$meta:meta])*
        pub enum $type:ident ($kind:literal): $row_type:ty {
            $( $(#[$doc:meta])* $variant:ident = $name:literal $(| $alias:literal)* => $row:expr, )+
        }
    ) => {
        $crate::network::named! {
            $(#[$meta])*
            pub enum $type ($kind) {
                $( $(#[$doc])* $variant = $name $(| $alias)*, )+
            }
        }

        impl $type {
            /// What is known of this value, in one place.
            pub const fn row(self) -> &'static $row_type {
                match self { $( $type::$variant => const { &$row }, )+ }
            }
        }
    };
}
pub(crate) use family;
