//! The arguments of `list`.

use clap::{Args as ClapArgs, ValueEnum};

/// The arguments of `list`.
#[derive(Debug, ClapArgs)]
pub(crate) struct ListArgs {
    /// Which come first.
    #[arg(long, value_enum, default_value_t = ListOrder::Best)]
    pub(crate) order: ListOrder,
    /// The most architectures, 1 to 10000.
    #[arg(long, default_value_t = 20)]
    pub(crate) limit: u32,
    /// Those instead that no other beats in its score, in parameters, in multiply-adds and in time
    /// at once.
    #[arg(long, conflicts_with = "order")]
    pub(crate) pareto: bool,
}

/// Which architectures come first.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum ListOrder {
    /// Those with the highest reward.
    Best,
    /// Those scored last.
    Latest,
}
