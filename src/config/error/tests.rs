//! What is wrong with a configuration, as it is told.

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

fn load(file: &str, env: &[(&str, &str)], flags: &[(&str, &str)]) -> Result<Loaded, ConfigError> {
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
      f.toml:5: `net.nodes` is called `space.nodes` in this version; write that instead
      f.toml:6: unknown key `net.chanels`; did you mean `net.channels`?
      f.toml:7: unknown key `net.frob`; [net] takes layers, channels, dropout_keep, aux_weight, weights_of, shared_form, split_by, state_of, drop_words, drop_embedding, drop_input, drop_state, drop_weights, activation_weight, slowness_weight
      f.toml:8: `net.layers` takes a whole number from 1 to 40; found `4.0`
      f.toml:9: `net.dropout_keep` takes a number above 0 and up to 1; found `nan`
      f.toml:10: `net.aux_weight` takes a number from 0 up to 10; found `[1]`
      f.toml:12: unknown section [shedule]; did you mean `[schedule]`?
      f.toml:15: unknown section [optimizer]; the sections are space, net, data, engine, shared, policy, schedule, score, trial, derive, final, limits, store, api, telemetry
      f.toml:19: `engine.device` takes `cpu`, `auto` or `cuda:N` with N from 0 to 255; found `"gpu"`
      f.toml:22: `data.source` takes one of `fashion-mnist`, `idx`, `cifar-10`, `cifar-100`, `folder`, `austen`, `text`; found `"mnist"`
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
        ("ENASD_SPACE_NODES", "4"),
        ("ENASD_NODES__NET", "4"),
        ("ENASD_ZOO__X", "4"),
        ("ENASD_Seed", "4"),
        ("ENASD_Space__Nodes", "4"),
        ("ENASD_NET__NODES", "4"),
        ("ENASD_ENGINE__DEVICE", ""),
        ("ENASD_DATA__FLIP", "yes"),
        ("ENASD_POLICY__LR", "0.1"),
        ("ENASD_POLICY__LEARNING_RATE", "inf"),
    ];
    let flags = [("space.node", "4"), ("space.nodes", "0"), ("nodes", "3"), ("", "x")];
    insta::assert_snapshot!(load("", &env, &flags).unwrap_err(), @r"
    the configuration has 15 problems:
      ENASD_SPACE_NODES: unknown key `ENASD_SPACE_NODES`; did you mean `ENASD_SPACE__NODES`?
      ENASD_Seed: unknown key `ENASD_Seed`; did you mean `ENASD_SEED`?
      ENASD_Space__Nodes: unknown key `ENASD_Space__Nodes`; did you mean `ENASD_SPACE__NODES`?
      ENASD_DATA__FLIP: `data.flip` takes `true` or `false`; found `yes`
      ENASD_ENGINE__DEVICE: `engine.device` takes `cpu`, `auto` or `cuda:N` with N from 0 to 255; found nothing
      ENASD_NET__CHANELS: unknown key `net.chanels`; did you mean `ENASD_NET__CHANNELS`?
      ENASD_NET__NODES: `net.nodes` is called `ENASD_SPACE__NODES` in this version; write that instead
      ENASD_NODES__NET: unknown section [nodes]; the sections are space, net, data, engine, shared, policy, schedule, score, trial, derive, final, limits, store, api, telemetry
      ENASD_POLICY__LEARNING_RATE: `policy.learning_rate` takes a number above 0 and up to 1; found `inf`
      ENASD_POLICY__LR: `policy.lr` is called `ENASD_POLICY__LEARNING_RATE` in this version; write that instead
      ENASD_ZOO__X: unknown section [zoo]; the sections are space, net, data, engine, shared, policy, schedule, score, trial, derive, final, limits, store, api, telemetry
      --set space.node: unknown key `space.node`; did you mean `--set space.nodes`?
      --set space.nodes: `space.nodes` takes a whole number from 1 to 7; found `0`
      --set nodes: unknown key `nodes`; did you mean `--set space.nodes`?
      --set : unknown key ``; the top level takes seed, and the sections space, net, data, engine, shared, policy, schedule, score, trial, derive, final, limits, store, api, telemetry
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
