//! Why a net cannot be built.

/// Why a net cannot be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NetError {
    /// The architecture has another number of nodes than the shared weights.
    #[error(
        "the architecture has {found} nodes a cell, but this net is built for {expected} \
         (`net.nodes`)"
    )]
    Nodes {
        /// Nodes of the architecture.
        found: usize,
        /// Nodes of the configuration.
        expected: usize,
    },
    /// A size is outside its range.
    #[error("`{key}` is {found}; it must be {min} to {max}")]
    Range {
        /// The setting.
        key: &'static str,
        /// Its value.
        found: usize,
        /// Smallest value.
        min: usize,
        /// Largest value.
        max: usize,
    },
}
