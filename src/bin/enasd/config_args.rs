//! Where the configuration comes from: a file, the environment, and flags.

use std::path::PathBuf;

use clap::Args;
use enasd::config::{Config, ConfigError, Loaded, environment};

#[derive(Args, Clone)]
pub(crate) struct ConfigArgs {
    /// The configuration [default: enasd/enasd.toml in the user's folder for configurations, else
    /// /etc/enasd/enasd.toml, where they are there; else built-in defaults].
    #[arg(long, value_name = "FILE", env = "ENASD_CONFIG")]
    config: Option<PathBuf>,
    /// The state folder.
    #[arg(long, value_name = "DIR")]
    state: Option<String>,
    /// The Unix socket.
    #[arg(long, value_name = "PATH")]
    socket: Option<String>,
    /// The address of /metrics, or `off`.
    #[arg(long, value_name = "ADDR")]
    metrics: Option<String>,
    /// The seed of every random number of the run.
    #[arg(long, value_name = "N")]
    seed: Option<String>,
    /// How the log is written: `auto`, `text`, `json` or `journal`.
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<String>,
    /// Any key of the configuration, over everything else: `--set net.channels=8`. Again for more.
    #[arg(long, value_name = "KEY=VALUE", value_parser = parse_setting)]
    set: Vec<(String, String)>,
}

fn parse_setting(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write KEY=VALUE, as in net.channels=8")?;
    Ok((key.trim().to_owned(), value.to_owned()))
}

pub(crate) fn load(args: &ConfigArgs) -> Result<Loaded, ConfigError> {
    let flags: Vec<(String, String)> = [
        ("store.state", &args.state),
        ("api.socket", &args.socket),
        ("telemetry.metrics", &args.metrics),
        ("telemetry.log_format", &args.log_format),
        ("seed", &args.seed),
    ]
    .into_iter()
    .filter_map(|(key, value)| Some((key.to_owned(), value.clone()?)))
    .chain(args.set.clone())
    .collect();
    Config::load(args.config.as_deref(), environment(), &flags)
}
