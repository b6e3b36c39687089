//! Enums whose values have names in the database, in HTML and, with `json_enum!`, in JSON.

/// Defines an enum with a name for each value.
macro_rules! named_enum {
    (
        $(#[$attribute:meta])+
        pub enum $name:ident { $($(#[$of_value:meta])+ $value:ident = $wire:literal,)+ }
    ) => {
        $(#[$attribute])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name {
            $($(#[$of_value])+ $value,)+
        }

        impl $name {
            /// Every value, in display order.
            pub const ALL: [Self; [$($wire),+].len()] = [$(Self::$value),+];

            /// The value's name in JSON, in the database and in HTML.
            pub const fn wire_name(self) -> &'static str {
                match self { $(Self::$value => $wire),+ }
            }

            /// Returns the value with this name.
            pub fn from_wire_name(name: &str) -> Option<Self> {
                Self::ALL.into_iter().find(|value| value.wire_name() == name)
            }
        }
    };
}

/// Defines an enum as `named_enum!` does, whose values have the same names in JSON.
macro_rules! json_enum {
    (
        $(#[$attribute:meta])+
        pub enum $name:ident { $($(#[$of_value:meta])+ $value:ident = $wire:literal,)+ }
    ) => {
        $crate::named::named_enum! {
            $(#[$attribute])+
            #[derive(serde::Serialize, serde::Deserialize)]
            pub enum $name { $($(#[$of_value])+ #[serde(rename = $wire)] $value = $wire,)+ }
        }
    };
}

pub(crate) use {json_enum, named_enum};
