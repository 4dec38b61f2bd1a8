//! Why a configuration is refused: what, where, what would be right.

use std::path::PathBuf;
use std::time::Duration;

use crate::config::{Rule, Source};

/// Why a configuration is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error(
        "cannot read the configuration {}: {source}; give the path of a TOML file that this user \
         may read with `--config`", path.display()
    )]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// It is no file that could be read again.
    #[error(
        "the configuration {} is {kind}, and it must be a regular file, for a reload and a \
         restart read it again: write it to one, or give single keys with `--set KEY=VALUE`",
        path.display()
    )]
    NotAFile {
        /// The path.
        path: PathBuf,
        /// What is there.
        kind: &'static str,
    },
    /// The file's disk does not answer.
    #[error(
        "the configuration {} could not be read within {} s: its disk or its mount does not \
         answer; mend that, or name another file with `--config`",
        path.display(),
        limit.as_secs()
    )]
    Silent {
        /// The path.
        path: PathBuf,
        /// How long was waited.
        limit: Duration,
    },
    /// The file is far larger than any configuration.
    #[error(
        "the configuration {} has more than {limit} bytes; is it the right file?", path.display()
    )]
    Size {
        /// The file.
        path: PathBuf,
        /// The most bytes that are read.
        limit: u64,
    },
    /// The file is not TOML.
    #[error("{}:{line}:{column}: not TOML: {message}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// The character in the line, counted from 1.
        column: usize,
        /// What the parser says.
        message: String,
    },
    /// The layers say something wrong: all of it, in the layers' order.
    #[error("{}", list(problems))]
    Problems {
        /// What is wrong; never empty.
        problems: Vec<Problem>,
    },
    /// The table of keys and the structs disagree.
    #[error(
        "the table of keys contradicts the configuration's structs, a defect of enasd: {source}"
    )]
    Table {
        /// What does not fit.
        source: serde_json::Error,
    },
    /// Nothing says where state is kept.
    #[error(
        "`store.state` is not set, and none of $STATE_DIRECTORY, $XDG_STATE_HOME and $HOME holds \
         an absolute path that could stand in; set `store.state` to a folder of the daemon's own"
    )]
    NoState,
    /// The socket's path is longer than the system takes.
    #[error(
        "the socket's path {} has {} bytes, and the system takes at most {max}; set `api.socket` \
         to a shorter one", path.display(), path.as_os_str().len()
    )]
    SocketTooLong {
        /// The path.
        path: PathBuf,
        /// The most bytes.
        max: usize,
    },
    /// A checkpoint's fingerprint cannot be read.
    #[error(
        "the configuration recorded in the checkpoint cannot be read: {source}; \
         start from an older checkpoint or an empty state folder"
    )]
    Fingerprint {
        /// What the parser says.
        source: serde_json::Error,
    },
}

/// One thing that is wrong with a configuration.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// No section has this name.
    #[error("{place}: unknown section [{section}]; {}", suggest(nearest.map(|s| format!("[{s}]")).as_deref(), &format!("the sections are {known}")))]
    UnknownSection {
        /// Where it stands.
        place: Source,
        /// The name found.
        section: String,
        /// The section that was probably meant.
        nearest: Option<&'static str>,
        /// All sections.
        known: String,
    },
    /// A section's name has a value.
    #[error("{place}: `{section}` is a section: write `[{section}]` and its keys below")]
    NotASection {
        /// Where it stands.
        place: Source,
        /// The section.
        section: &'static str,
    },
    /// No key has this name.
    #[error("{place}: unknown key `{key}`; {}", suggest(nearest.as_deref(), &format!("{within} takes {known}")))]
    UnknownKey {
        /// Where it stands.
        place: Source,
        /// The name found.
        key: String,
        /// The key that was probably meant, spelled as its layer does.
        nearest: Option<String>,
        /// The section that it stands in.
        within: String,
        /// The keys of that section.
        known: String,
    },
    /// A variable that looks like the daemon's and is not; it is passed over.
    #[error("{name}: no such variable is known, so it sets nothing; {}", suggest(nearest.as_deref(), "variables are named ENASD_SECTION__KEY, or like a flag (ENASD_STATE)"))]
    UnknownVariable {
        /// Its name.
        name: String,
        /// The variable that was probably meant.
        nearest: Option<String>,
    },
    /// A value of the wrong type or out of range.
    #[error("{place}: `{key}` takes {rule}; found {found}{hint}")]
    Value {
        /// Where it stands.
        place: Source,
        /// The key.
        key: &'static str,
        /// What the key takes.
        rule: Rule,
        /// The value found, as it is written there.
        found: String,
        /// How to mend it, where that is not plain.
        hint: &'static str,
    },
    /// Two values that do not go together.
    #[error("{}: {conflict}", both(places))]
    Conflict {
        /// Where the two values stand.
        places: [Source; 2],
        /// What does not go together.
        conflict: Conflict,
    },
}

/// Two values that do not go together.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Conflict {
    /// More architectures are ranked again than are drawn.
    #[error(
        "`derive.rerank` is {rerank}, but only `derive.samples` = {samples} architectures are \
         drawn; lower the one or raise the other"
    )]
    Rerank {
        /// Ranked again.
        rerank: usize,
        /// Drawn.
        samples: usize,
    },
    /// The learning rate would rise.
    #[error(
        "`shared.lr_min` is {lr_min}, above `shared.lr_max` = {lr_max}; the rate falls from the \
         latter to the former: swap them"
    )]
    LearningRates {
        /// At the end of a period.
        lr_min: f64,
        /// At the start of a period.
        lr_max: f64,
    },
    /// A source that is read from a folder has none.
    #[error("`data.source` is `{source_name}`, which is read from a folder; set `data.path` to it")]
    PathMissing {
        /// The source's name.
        source_name: String,
    },
    /// The embedded source has a folder.
    #[error(
        "`data.path` is set, but `data.source` is `fashion-mnist`, which is embedded; remove \
         `data.path`, or set `data.source` to what the folder holds"
    )]
    PathUnused,
}

/// `did you mean …?`, or what is known.
fn suggest(nearest: Option<&str>, known: &str) -> String {
    nearest.map_or_else(|| known.to_owned(), |nearest| format!("did you mean `{nearest}`?"))
}

fn both([first, second]: &[Source; 2]) -> String {
    if first == second { first.to_string() } else { format!("{first} and {second}") }
}

fn list(problems: &[Problem]) -> String {
    match problems {
        [problem] => problem.to_string(),
        problems => {
            let lines: Vec<String> = problems.iter().map(|p| format!("\n  {p}")).collect();
            format!("the configuration has {} problems:{}", problems.len(), lines.concat())
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::config::file::File;
    use crate::config::{ConfigError, Loaded};

    const BAD: &str = "seed = -1
channels = 8

[net]
nodes = \"4\"
chanels = 4
frob = 1
layers = 4.0
dropout_keep = nan
aux_weight = [1]

[shedule]
shared_steps = 1

[optimizer]
x = 1

[engine]
device = \"gpu\"

[data]
source = \"mnist\"
path = inf
flip = 1
cutout = 99999999999999999999

[store]
state = \"~/state\"
checkpoint_seconds = 0

[api]
admins = [\"alice\"]

[telemetry]
metrics = \"localhost\"
log.level = \"info\"
";

    fn pairs(texts: &[(&str, &str)]) -> Vec<(String, String)> {
        texts.iter().map(|&(a, b)| (a.to_owned(), b.to_owned())).collect()
    }

    fn load(
        file: &str,
        env: &[(&str, &str)],
        flags: &[(&str, &str)],
    ) -> Result<Loaded, ConfigError> {
        let file = File { path: "f.toml".into(), text: file.to_owned() };
        Loaded::merge(Some(&file), &pairs(env), &pairs(flags))
    }

    /// Loads the three layers and compares the text of the refusal.
    #[track_caller]
    fn check(file: &str, env: &[(&str, &str)], flags: &[(&str, &str)], expected: &str) {
        assert_eq!(load(file, env, flags).unwrap_err().to_string(), expected);
    }

    #[test]
    fn every_problem_of_a_file_is_told_with_its_line_in_its_order() {
        insta::assert_snapshot!(load(BAD, &[], &[]).unwrap_err(), @r#"
        the configuration has 20 problems:
          f.toml:1: `seed` takes a whole number from 0 to 18446744073709551615; found `-1`
          f.toml:2: unknown key `channels`; did you mean `net.channels`?
          f.toml:5: `net.nodes` takes a whole number from 2 to 7; found `"4"`; write it without quotes
          f.toml:6: unknown key `net.chanels`; did you mean `net.channels`?
          f.toml:7: unknown key `net.frob`; [net] takes nodes, layers, channels, dropout_keep, aux_weight
          f.toml:8: `net.layers` takes a whole number from 1 to 40; found `4.0`
          f.toml:9: `net.dropout_keep` takes a number above 0 and up to 1; found `nan`
          f.toml:10: `net.aux_weight` takes a number from 0 up to 10; found `[1]`
          f.toml:12: unknown section [shedule]; did you mean `[schedule]`?
          f.toml:15: unknown section [optimizer]; the sections are space, net, data, engine, shared, policy, schedule, derive, store, api, telemetry
          f.toml:19: `engine.device` takes `cpu`, `auto` or `cuda:N` with N from 0 to 255; found `"gpu"`
          f.toml:22: `data.source` takes one of `fashion-mnist`, `idx`, `cifar-10`, `cifar-100`, `folder`; found `"mnist"`
          f.toml:23: `data.path` takes a path of 1 to 4095 bytes of UTF-8, in which `~` is not expanded; found `inf`
          f.toml:24: `data.flip` takes `true` or `false`; found `1`
          f.toml:25: `data.cutout` takes a whole number from 0 to 256; found `99999999999999999999`
          f.toml:28: `store.state` takes a path of 1 to 4095 bytes of UTF-8, in which `~` is not expanded; found `"~/state"`
          f.toml:29: `store.checkpoint_seconds` takes a number from 0.05 up to 86400; found `0`
          f.toml:32: `api.admins` takes a list of at most 64 numeric user ids; found `["alice"]`
          f.toml:35: `telemetry.metrics` takes `off` or an IP address and a port (`127.0.0.1:9899`); found `"localhost"`
          f.toml:36: `telemetry.log` takes a level or `module=level`, separated by commas; the levels are `off`, `error`, `warn`, `info`, `debug`, `trace`; found `{…}`
        "#);
    }

    #[test]
    fn every_problem_of_environment_and_flags_is_told_with_its_name() {
        let env = [
            ("ENASD_NET__CHANELS", "4"),
            ("ENASD_NET_NODES", "4"),
            ("ENASD_NODES__NET", "4"),
            ("ENASD_ZOO__X", "4"),
            ("ENASD_Seed", "4"),
            ("ENASD_Net__Nodes", "4"),
            ("ENASD_ENGINE__DEVICE", ""),
            ("ENASD_DATA__FLIP", "yes"),
            ("ENASD_POLICY__LR", "inf"),
        ];
        let flags = [("net.node", "4"), ("net.nodes", "0"), ("nodes", "3"), ("", "x")];
        insta::assert_snapshot!(load("", &env, &flags).unwrap_err(), @r"
        the configuration has 13 problems:
          ENASD_NET_NODES: unknown key `ENASD_NET_NODES`; did you mean `ENASD_NET__NODES`?
          ENASD_Net__Nodes: unknown key `ENASD_Net__Nodes`; did you mean `ENASD_NET__NODES`?
          ENASD_Seed: unknown key `ENASD_Seed`; did you mean `ENASD_SEED`?
          ENASD_DATA__FLIP: `data.flip` takes `true` or `false`; found `yes`
          ENASD_ENGINE__DEVICE: `engine.device` takes `cpu`, `auto` or `cuda:N` with N from 0 to 255; found nothing
          ENASD_NET__CHANELS: unknown key `net.chanels`; did you mean `ENASD_NET__CHANNELS`?
          ENASD_NODES__NET: unknown section [nodes]; the sections are space, net, data, engine, shared, policy, schedule, derive, store, api, telemetry
          ENASD_POLICY__LR: `policy.lr` takes a number above 0 and up to 1; found `inf`
          ENASD_ZOO__X: unknown section [zoo]; the sections are space, net, data, engine, shared, policy, schedule, derive, store, api, telemetry
          --set net.node: unknown key `net.node`; did you mean `--set net.nodes`?
          --set net.nodes: `net.nodes` takes a whole number from 2 to 7; found `0`
          --set nodes: unknown key `nodes`; did you mean `--set net.nodes`?
          --set : unknown key ``; the top level takes seed, and the sections space, net, data, engine, shared, policy, schedule, derive, store, api, telemetry
        ");
    }

    #[test]
    fn broken_toml_is_told_with_line_and_column() {
        insta::assert_snapshot!(load("[net]\nnodes 5\n", &[], &[]).unwrap_err(), @"f.toml:2:7: not TOML: key with no value, expected `=`");
        insta::assert_snapshot!(load("[engine]\n device = cpu\n", &[], &[]).unwrap_err(), @"f.toml:2:11: not TOML: string values must be quoted, expected literal string");
        insta::assert_snapshot!(load("seed = 1\nseed = 2\n", &[], &[]).unwrap_err(), @"f.toml:2:1: not TOML: duplicate key");
        insta::assert_snapshot!(load("[net]\n[net]\n", &[], &[]).unwrap_err(), @"f.toml:2:2: not TOML: duplicate key");
        insta::assert_snapshot!(load("net = 3\n", &[], &[]).unwrap_err(), @"f.toml:1: `net` is a section: write `[net]` and its keys below");
        insta::assert_snapshot!(load("[[net]]\nnodes = 3\n", &[], &[]).unwrap_err(), @"f.toml:1: `net` is a section: write `[net]` and its keys below");
    }

    #[test]
    fn conflicts_name_both_places() {
        check(
            "[derive]\nsamples = 8\n",
            &[("ENASD_DERIVE__RERANK", "20")],
            &[],
            "ENASD_DERIVE__RERANK and f.toml:2: `derive.rerank` is 20, but only `derive.samples` = \
             8 architectures are drawn; lower the one or raise the other",
        );
        check(
            "[data]\nsource = \"folder\"\n",
            &[],
            &[],
            "f.toml:2: `data.source` is `folder`, which is read from a folder; set `data.path` to it",
        );
    }

    #[test]
    fn a_refused_value_hides_no_other_problem_and_starts_no_conflict() {
        check(
            "[derive]\nsamples = 0\nrerank = 500\n",
            &[],
            &[("derive.samples", "0.5")],
            "the configuration has 2 problems:\n  f.toml:2: `derive.samples` takes a whole number \
             from 1 to 10000; found `0`\n  --set derive.samples: `derive.samples` takes a whole number \
             from 1 to 10000; found `0.5`",
        );
    }
}
