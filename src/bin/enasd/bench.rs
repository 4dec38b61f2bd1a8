//! `enasd bench`: how fast one child trains and is evaluated here.

use std::path::PathBuf;

use clap::Args;
use enasd::bench::{self, ArchChoice, BenchConfig, BenchError, BenchJob, NetKind, Report, Saves};
use enasd::daemon::{EXIT_CONFIG, EXIT_INTERNAL};
use enasd::net::Shape;
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
    /// Of micro: normal cells; two reduction cells come on top [default: 6]. Of `whole_net`:
    /// layers [default: 12].
    #[arg(long, value_name = "N")]
    layers: Option<usize>,
    /// Channels of the first cells.
    #[arg(long, value_name = "N", default_value_t = 20)]
    channels: usize,
    /// Images of the batch.
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = count(1, 8192))]
    batch: usize,
    /// Rows and columns of an image.
    #[arg(long, value_name = "N", default_value_t = 32)]
    side: usize,
    /// Channels of an image.
    #[arg(long, value_name = "N", default_value_t = 3)]
    image_channels: usize,
    /// Steps and forward passes that are timed, after one of each.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = count(1, 100_000))]
    steps: usize,
    /// Threads that compute; 0 for every core this process may use, or one with candle.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = count(0, 1024))]
    threads: usize,
    /// Of the initial values, the batch, the dropout and a random architecture.
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// What computes: `fast` (on a CPU), `candle`, or `auto` for the faster of the device.
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
    let layers = space.rules().depth().or(args.layers).unwrap_or(MICRO_CELLS);
    let config = BenchConfig {
        arch: args.arch.arch(space, args.seed)?,
        net: args.net,
        layers,
        channels: args.channels,
        image: Shape { channels: args.image_channels, height: args.side, width: args.side },
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

fn written(report: &Report, output: Output) -> String {
    match output {
        Output::Text => report.to_string(),
        Output::Json => format!("{:#}\n", serde_json::json!(report)),
    }
}
