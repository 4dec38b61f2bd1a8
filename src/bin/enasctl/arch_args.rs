//! The arguments of what needs no daemon: spaces and architectures.

use clap::{Args as ClapArgs, Subcommand, ValueEnum};
use enasd::space::{SpaceConfig, SpaceKind};

/// What can be done with a search space.
#[derive(Debug, Subcommand)]
pub(crate) enum SpaceVerb {
    /// Says what it is, what it decides, and how many architectures it has.
    Show {
        /// Its name.
        name: SpaceKind,
        /// Of micro and recurrent: nodes of a cell [default: 5 and 8]; of nasnet: its blocks
        /// [default: 5].
        #[arg(long)]
        nodes: Option<usize>,
        /// Of `whole_net` and `nas_cnn`: layers.
        #[arg(long, default_value_t = SpaceConfig::default().layers)]
        layers: usize,
        /// Of `nas_cnn`: the strides of layers are searched, too.
        #[arg(long)]
        strides: bool,
        /// Of `nas_rnn`: leaves of a cell.
        #[arg(long, default_value_t = SpaceConfig::default().leaves)]
        leaves: usize,
    },
}

/// What can be done with an architecture alone.
#[derive(Debug, Subcommand)]
pub(crate) enum ArchVerb {
    /// Describes it: id, loose ends, parameters, multiply-adds.
    Show(ShowArgs),
    /// Draws it.
    Draw {
        /// The architecture in any text form, or `-` to read it from standard input.
        arch: String,
        /// The form of the drawing.
        #[arg(long, value_enum, default_value_t = Drawing::Text)]
        format: Drawing,
    },
}

/// The arguments of `arch show`: the defaults are those of the paper's final model.
#[derive(Debug, ClapArgs)]
pub(crate) struct ShowArgs {
    /// The architecture in any text form, or `-` to read it from standard input. Without it, and
    /// with `--net shared`: the shared weights of all architectures of a space.
    #[arg(required_unless_present = "net")]
    pub(crate) arch: Option<String>,
    /// The search space: forms of its architectures are tried first. Without it, micro's are.
    #[arg(long)]
    pub(crate) space: Option<SpaceKind>,
    /// Of micro and nasnet: normal cells; two reduction cells come on top [default: 15]. Of `whole_net`
    /// and `nas_cnn`: layers, which the architecture has to have.
    #[arg(long)]
    pub(crate) layers: Option<usize>,
    /// Channels of the first cells or layers; of `nas_cnn`, what 36 filters become.
    #[arg(long, default_value_t = 36)]
    pub(crate) channels: usize,
    /// Trained from scratch, or with its part of the shared weights [default: standalone].
    #[arg(long, value_enum)]
    pub(crate) net: Option<NetForm>,
    /// Channels of an image.
    #[arg(long, default_value_t = 3)]
    pub(crate) image_channels: usize,
    /// Rows and columns of an image.
    #[arg(long, default_value_t = 32)]
    pub(crate) side: usize,
    /// Number of classes.
    #[arg(long, default_value_t = 10)]
    pub(crate) classes: usize,
}

/// The arguments of `convert`.
#[derive(Debug, ClapArgs)]
pub(crate) struct ConvertArgs {
    /// The architecture in any text form; without it, or with `-`, it is read from standard input.
    #[arg(default_value = "-")]
    pub(crate) arch: String,
    /// Prints this form alone: native, numbers, rows, genotype (DARTS), nni, original or dag
    /// (ENAS-pytorch). `enasctl space show` lists those of a space.
    #[arg(long, value_name = "FORM")]
    pub(crate) to: Option<String>,
    /// The search space whose forms are tried first [default: micro].
    #[arg(long)]
    pub(crate) space: Option<SpaceKind>,
}

/// How a child is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum NetForm {
    /// As it is trained from scratch and shipped.
    Standalone,
    /// As the search runs it.
    Shared,
}

/// The form of a drawing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Drawing {
    /// A picture for browsers.
    Svg,
    /// A text for Graphviz.
    Dot,
    /// For terminals.
    Text,
}
