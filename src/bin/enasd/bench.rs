//! `enasd bench`: how fast one child trains and is evaluated here.

use std::path::PathBuf;

use clap::Args;
use enasd::bench::{
    self, ArchChoice, BenchConfig, BenchError, BenchJob, BenchSize, NetKind, Report, Saves,
};
use enasd::daemon::{EXIT_CONFIG, EXIT_INTERNAL};
use enasd::setting::WORDS;
use enasd::space::{Space, SpaceConfig, SpaceKind};

use crate::failure::Failure;
use crate::output::{Output, count, print};
use crate::threads::with_threads;

#[derive(Args, Clone)]
pub(crate) struct BenchArgs {
    /// The search space that the architecture is of.
    #[arg(long, value_name = "NAME", default_value_t)]
    space: SpaceKind,
    /// The architecture in any of its texts, or `published`, or `random` (drawn with --seed).
    #[arg(long, default_value = "published")]
    arch: ArchChoice,
    /// With its part of the `shared` weights, or `standalone` as it is shipped.
    #[arg(long, default_value_t = NetKind::Shared)]
    net: NetKind,
    /// Of micro and nasnet: normal cells; two reduction cells come on top [default: 6]. Of `whole_net`
    /// and `nas_cnn`: layers [default: 12].
    #[arg(long, value_name = "N")]
    layers: Option<usize>,
    /// Channels of the first cells; of `nas_cnn`, what 36 filters become [default: 20].
    #[arg(long, value_name = "N")]
    channels: Option<usize>,
    /// Images of the batch, or rows of text.
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = count(1, 8192))]
    batch: usize,
    /// Rows and columns of an image [default: 32].
    #[arg(long, value_name = "N")]
    side: Option<usize>,
    /// Channels of an image [default: 3].
    #[arg(long, value_name = "N")]
    image_channels: Option<usize>,
    /// Of nets of words: features of a word and of a state [default: 200].
    #[arg(long, value_name = "N", value_parser = count(1, 4096))]
    hidden: Option<usize>,
    /// Of nets of words: words of the vocabulary [default: 10000].
    #[arg(long, value_name = "N", value_parser = count(2, 1_000_000))]
    vocabulary: Option<usize>,
    /// Of nets of words: words of a row of the batch [default: 35].
    #[arg(long, value_name = "N", value_parser = count(1, 10_000))]
    window: Option<usize>,
    /// Steps and forward passes that are timed, after one of each.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = count(1, 100_000))]
    steps: usize,
    /// Threads that compute; 0 for every core this process may use, or one with candle.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = count(0, 1024))]
    threads: usize,
    /// Of the initial values, the batch, the dropout and a random architecture.
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// What computes: `fast` (on a CPU), `cuda` (on a GPU), `candle`, or `auto` for the faster of the device.
    #[arg(long, value_name = "NAME", default_value = bench::DEFAULT_EXECUTOR)]
    executor: String,
    /// Where it computes: `cpu`, `cuda:N` or `auto`.
    #[arg(long, value_name = "NAME", default_value = "cpu")]
    device: String,
    /// How the report is printed.
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
    /// Write the initial weights to this safetensors file.
    #[arg(long, value_name = "FILE")]
    save_weights: Option<PathBuf>,
    /// Write the images and labels to this safetensors file.
    #[arg(long, value_name = "FILE")]
    save_batch: Option<PathBuf>,
    /// Write loss and gradients at the initial weights without dropout to this safetensors file.
    #[arg(long, value_name = "FILE")]
    save_grads: Option<PathBuf>,
}

/// Normal cells of a micro net, where it is not said.
const MICRO_CELLS: usize = 6;

impl From<BenchError> for Failure {
    fn from(error: BenchError) -> Self {
        let exit_code = match error {
            // As clap ends where an argument has no such value.
            BenchError::Arch(_) => 2,
            _ if error.is_usage() => EXIT_CONFIG,
            _ => EXIT_INTERNAL,
        };
        Self { why: error.to_string(), exit_code }
    }
}

pub(crate) fn run(args: BenchArgs) -> Result<(), Failure> {
    let threads = with_threads(bench::executor_choice(&args.executor)?, args.threads)?;
    let space = SpaceConfig { kind: args.space, ..SpaceConfig::default() };
    let space = Space::new(&space)
        .and_then(|space| args.layers.map_or(Ok(space), |layers| space.with_layers(layers)))
        .map_err(BenchError::from)?;
    let config = BenchConfig {
        arch: args.arch.arch(space, args.seed)?,
        net: args.net,
        size: size(&args, space)?,
        batch: args.batch,
        steps: args.steps,
        threads,
        seed: args.seed,
    };
    let mut job = BenchJob::new(config, bench::open(&args.executor, &args.device)?)?;
    Saves { weights: args.save_weights, batch: args.save_batch, grads: args.save_grads }
        .write(&job)?;
    print(&written(&bench::measure(&mut job)?, args.output));
    Ok(())
}

/// What the nets of `space` read, and how large they are.
fn size(args: &BenchArgs, space: Space) -> Result<BenchSize, Failure> {
    let of_images = [
        ("--layers", args.layers),
        ("--channels", args.channels),
        ("--side", args.side),
        ("--image-channels", args.image_channels),
    ];
    let of_words =
        [("--hidden", args.hidden), ("--vocabulary", args.vocabulary), ("--window", args.window)];
    let reads_words = WORDS.contains(&space.name());
    let foreign = if reads_words { &of_images[..] } else { &of_words };
    if let Some((option, _)) = foreign.iter().find(|(_, value)| value.is_some()) {
        let why = format!("{option} says nothing about nets of the space `{}`", space.name());
        return Err(Failure { why, exit_code: 2 });
    }
    Ok(if reads_words {
        BenchSize::Words {
            hidden: args.hidden.unwrap_or(200),
            vocabulary: args.vocabulary.unwrap_or(10_000),
            window: args.window.unwrap_or(35),
        }
    } else {
        let side = args.side.unwrap_or(32);
        BenchSize::Images {
            layers: space.rules().depth().or(args.layers).unwrap_or(MICRO_CELLS),
            channels: args.channels.unwrap_or(20),
            image: [args.image_channels.unwrap_or(3), side, side],
        }
    })
}

fn written(report: &Report, output: Output) -> String {
    match output {
        Output::Text => report.to_string(),
        Output::Json => format!("{:#}\n", serde_json::json!(report)),
    }
}
