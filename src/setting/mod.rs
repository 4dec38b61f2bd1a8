//! A setting: all that the program says of one, in one place, beside the field that holds its
//! value.
//!
//! ```text
//! settings! {
//!     pub struct NetConfig in net {
//!         /// Channels of the first cells.
//!         pub channels: usize = 4 => search(size(1..=512));
//!     }                         │            │
//! }                             │            └─ what it takes, and who depends on it
//!                               └─ its default
//! ```
//!
//! That is the struct, its form in files, its default, and `NetConfig::SETTINGS`, from which
//! `config` has its keys. A new setting is such a line, and its lines in `config/enasd.toml`, which
//! a test holds against it.

mod log_filter;
mod rule;

use serde_json::Value;

pub use log_filter::{LOG_LEVELS, is_log_filter};
pub use rule::{PATH, Rule, above, below, between, from, one_of, size, whole};

/// What the program knows of one setting.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// The section and the name, as in `net.channels`.
    pub path: &'static str,
    /// What it takes.
    pub rule: Rule,
    /// Whether the search depends on it.
    pub role: Role,
    /// What it was called by older programs.
    pub once: Option<&'static str>,
    /// The spaces whose searches alone depend on it; none where all do.
    pub only_of: &'static [&'static str],
    /// What the search did before there was this setting, as JSON; none where that is its default.
    before: Option<&'static str>,
}

/// The spaces whose nets read images, and those for tables, whose data are images: settings of
/// images and of such nets say something to them alone.
pub const IMAGES: &[&str] = &["micro", "whole_net", "nas_cnn", "nasnet", "nasbench201"];

/// The spaces whose nets are two cells, stacked.
pub const CELLS: &[&str] = &["micro", "nasnet"];

/// The spaces whose nets read words, likewise.
pub const WORDS: &[&str] = &["recurrent", "nas_rnn"];

/// Whether the search depends on a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Another value makes another run: a checkpoint binds it.
    Search,
    /// May change at every start.
    Operation,
    /// May change while the daemon runs, too.
    Live,
}

/// A setting that the search depends on.
pub const fn search(rule: Rule) -> Setting {
    Setting::new(Role::Search, rule)
}

/// A setting that may change at every start.
pub const fn operation(rule: Rule) -> Setting {
    Setting::new(Role::Operation, rule)
}

/// A setting that may change while the daemon runs.
pub const fn live(rule: Rule) -> Setting {
    Setting::new(Role::Live, rule)
}

impl Setting {
    const fn new(role: Role, rule: Rule) -> Self {
        Self { path: "", rule, role, once: None, only_of: &[], before: None }
    }

    /// The setting at `path`, the section and the name.
    pub const fn at(self, path: &'static str) -> Self {
        Self { path, ..self }
    }

    /// A setting that older programs, their files and their checkpoints have at `path`.
    pub const fn once(self, path: &'static str) -> Self {
        Self { once: Some(path), ..self }
    }

    /// A setting that says something to searches of these spaces alone.
    pub const fn only_of(self, spaces: &'static [&'static str]) -> Self {
        Self { only_of: spaces, ..self }
    }

    /// A setting that is younger than some checkpoints, in which it counts as `before`, a value as
    /// JSON writes it.
    pub const fn before(self, before: &'static str) -> Self {
        Self { before: Some(before), ..self }
    }

    /// The value that a checkpoint from before this setting counts as having; `default` is the
    /// default.
    pub fn value_before(&self, default: &Value) -> Value {
        match self.before {
            Some(text) => serde_json::from_str(text).expect("a test reads each"),
            None => default.clone(),
        }
    }
}

/// Defines the struct of one section; each field with its default and its [`Setting`].
macro_rules! settings {
    (
        $(#[$about:meta])*
        pub struct $Config:ident in $section:ident {
            $($(#[$doc:meta])* pub $field:ident: $Type:ty = $default:expr => $setting:expr;)+
        }
    ) => {
        $(#[$about])*
        #[derive(::serde::Serialize, ::serde::Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct $Config {
            $(
                $(#[$doc])*
                #[doc = concat!("\n`", stringify!($setting), "`")]
                pub $field: $Type,
            )+
        }

        impl $Config {
            /// The settings of this section, in the order of the fields.
            pub const SETTINGS: &'static [$crate::setting::Setting] = &[
                $($setting.at(concat!(stringify!($section), ".", stringify!($field))),)+
            ];
        }

        impl Default for $Config {
            fn default() -> Self {
                Self { $($field: $default,)+ }
            }
        }
    };
}

pub(crate) use settings;
