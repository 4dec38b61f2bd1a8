//! The rules of the source tree, checked by reading its lines: which layer may use what, and the
//! house rules on files.
//!
//! ```text
//! bin ─ daemon ─ config
//!         ├── api            telemetry
//!         ├── actors ────────────┘
//!         │     ├── store ── export ── engine
//!         │     └── search ── engine ── net ── space
//!         │             └──── data
//!         └── export
//! bin ─ bench ─ engine
//! ```
//!
//! Whoever has a section of the configuration has it by `setting`.
//!
//! Code under `#[cfg(test)]` may use any layer; the rules on files hold for it too.

use std::fs;
use std::io;
use std::path::Path;

use circles::{KNOWN_CIRCLES, circle_faults};
use source::{CLOCKS, code_of, paths, statements, without_tests};
use words::word_faults;

#[path = "architecture/circles.rs"]
mod circles;
#[path = "architecture/source.rs"]
mod source;
#[path = "architecture/words.rs"]
mod words;

/// One row of the layer table.
struct Layer {
    name: &'static str,
    /// The modules of this crate that it may use; `*` is every row above.
    may_use: &'static [&'static str],
    /// Groups of paths outside this crate that it must not use.
    must_not: &'static [&'static [&'static str]],
}

const fn layer(
    name: &'static str,
    may_use: &'static [&'static str],
    must_not: &'static [&'static [&'static str]],
) -> Layer {
    Layer { name, may_use, must_not }
}

const ACTORS: &[&str] = &["actix", "actix_web", "tokio", "futures_util"];
const SOCKETS: &[&str] =
    &["actix_web", "hyper", "hyper_util", "http_body_util", "std::net", "std::os::unix::net"];
const FILES: &[&str] =
    &["std::fs", "std::env", "std::process", "rustix", "rusqlite", "tempfile", "flate2"];
const METRICS: &[&str] = &["metrics", "metrics_exporter_prometheus", "metrics_process"];
const TENSORS: &[&str] = &["candle_core", "candle_nn", "safetensors"];
const RANDOM: &[&str] = &["rand", "rand_chacha"];
const THREADS: &[&str] = &["rayon", "crossbeam", "std::thread"];
const CONFIG_FILE: &[&str] = &["toml", "clap"];

/// The table. A row uses rows above it only, so there is no cycle.
const LAYERS: &[Layer] = &[
    layer("setting", &[], &[ACTORS, FILES, METRICS, TENSORS, RANDOM, THREADS, CONFIG_FILE]),
    layer("space", &["setting"], &[ACTORS, SOCKETS, FILES, METRICS, TENSORS, RANDOM, THREADS]),
    layer("random", &[], &[ACTORS, SOCKETS, FILES, METRICS, TENSORS, THREADS]),
    layer("printable", &[], &[ACTORS, SOCKETS, FILES, METRICS, TENSORS, RANDOM, THREADS]),
    layer("numbers", &[], &[ACTORS, SOCKETS, FILES, METRICS, TENSORS, RANDOM, THREADS]),
    layer("data", &["setting", "random", "printable"], &[ACTORS, SOCKETS, METRICS]),
    layer("net", &["setting", "space", "random"], &[ACTORS, SOCKETS, FILES, METRICS, TENSORS]),
    layer("engine", &["setting", "net", "random"], &[ACTORS, SOCKETS, METRICS]),
    layer(
        "search",
        &["setting", "space", "data", "net", "engine", "random", "numbers"],
        &[ACTORS, SOCKETS, FILES, METRICS],
    ),
    layer("export", &["space", "net", "engine", "random", "numbers"], &[ACTORS, SOCKETS, METRICS]),
    layer(
        "store",
        &["space", "data", "net", "engine", "search", "export", "random", "numbers"],
        &[ACTORS, SOCKETS, METRICS],
    ),
    layer(
        "study",
        &["space", "data", "net", "engine", "search", "store", "random", "numbers"],
        &[ACTORS, SOCKETS, METRICS],
    ),
    layer("bench", &["space", "net", "engine", "random"], &[ACTORS, SOCKETS, METRICS]),
    layer("telemetry", &["setting", "random"], &[ACTORS, TENSORS]),
    layer("manual", &[], &[ACTORS, SOCKETS, METRICS, TENSORS, RANDOM, THREADS]),
    layer(
        "actors",
        &["space", "random", "data", "net", "engine", "search", "store", "telemetry", "numbers"],
        &[SOCKETS, CONFIG_FILE],
    ),
    layer(
        "api",
        &["space", "net", "search", "actors", "store", "export", "random", "numbers"],
        &[TENSORS, CONFIG_FILE],
    ),
    layer("config", &["*"], &[ACTORS]),
    layer("daemon", &["*"], &[]),
    layer("bin", &["*"], &[]),
];

/// The layers that may read the clock; all others are given time as a number.
const CLOCKED: &[&str] = &["study", "bench", "actors", "telemetry", "api", "daemon", "bin"];

const REFUSED_NAMES: &[&str] = &["utils", "common", "helpers", "base", "types", "manager"];
const MAX_LINES: usize = 400;

/// Everything wrong with a file under `src/`, `path` being relative to it.
fn faults(path: &str, text: &str) -> Vec<String> {
    let mut faults = file_faults(path, text);
    let name = path.split('/').next().unwrap_or(path).trim_end_matches(".rs");
    let stems = path.trim_end_matches(".rs").split('/');
    for stem in stems.filter(|stem| REFUSED_NAMES.contains(stem)) {
        faults.push(format!("{path}: `{stem}` says nothing: name the file for its noun"));
    }
    let Some(row) = LAYERS.iter().position(|layer| layer.name == name) else {
        if path != "lib.rs" {
            faults.push(format!("{path}: `{name}` is not in the layer table"));
        }
        return faults;
    };
    if path.ends_with("/tests.rs") || text.contains("\n#![cfg(test)]\n") {
        return faults;
    }
    for (line, statement) in statements(&without_tests(&code_of(text))) {
        let mut complaints = layer_faults(row, depth(path), &statement);
        complaints.extend(word_faults(name, &statement));
        faults.extend(complaints.into_iter().map(|fault| format!("{path}:{line}: {fault}")));
    }
    faults
}

/// The house rules that hold for every file, tests included.
fn file_faults(path: &str, text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    if !text.starts_with("//!") {
        faults.push(format!("{path}: does not begin with `//!`, which says what it is"));
    }
    let count = text.lines().count();
    if MAX_LINES < count {
        faults.push(format!("{path}: {count} lines, at most {MAX_LINES}: it has two nouns"));
    }
    for (idx, line) in code_of(text).lines().enumerate() {
        if line.contains("unsafe_code") && path != LAUNCHES {
            faults.push(format!("{path}:{}: unsafe code is of {LAUNCHES} alone", idx + 1));
        }
        for refused in ["#[ignore", "todo!", "unimplemented!"] {
            if line.contains(refused) {
                faults.push(format!("{path}:{}: `{refused}` is refused", idx + 1));
            }
        }
    }
    faults
}

/// The one file that may lift the lint against unsafe code.
const LAUNCHES: &str = "engine/cuda_exec/driver.rs";

/// What a statement outside tests does that its layer must not.
fn layer_faults(row: usize, depth: usize, statement: &str) -> Vec<String> {
    let layer = &LAYERS[row];
    let mut faults = Vec::new();
    if statement.contains("crate::{") {
        faults.push("braces after `crate::` hide the layer: write one `use` for each".to_owned());
    }
    let mut words = statement.split(|c: char| !c.is_alphanumeric() && c != '_');
    if words.any(|word| matches!(word, "unwrap" | "unwrap_err")) {
        faults.push("`unwrap` outside tests".to_owned());
    }
    if statement.contains(&"super::".repeat(depth)) {
        faults.push("`super::` up to the crate hides the layer: write `crate::`".to_owned());
    }
    let paths = paths(statement);
    for path in &paths {
        let used = path.strip_prefix("crate::").and_then(|rest| rest.split("::").next());
        if let Some(used) = used.filter(|used| !may_use(row, used)) {
            faults.push(format!("`{}` must not use `crate::{used}`", layer.name));
        }
        for refused in layer.must_not.iter().copied().flatten() {
            if path
                .strip_prefix(refused)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
            {
                faults.push(format!("`{}` must not use `{refused}`", layer.name));
            }
        }
        let reads_clock = path.split("::").any(|part| CLOCKS.contains(&part));
        if reads_clock && !CLOCKED.contains(&layer.name) {
            faults.push(format!("`{}` must not know the clock: `{path}`", layer.name));
        }
    }
    faults.dedup();
    faults
}

fn may_use(row: usize, used: &str) -> bool {
    let Layer { name, may_use, .. } = &LAYERS[row];
    let above = || LAYERS[..row].iter().any(|layer| layer.name == used);
    // A binary's `crate` is itself.
    *name == "bin"
        || used == *name
        || may_use.contains(&used)
        || (may_use.contains(&"*") && above())
        || used.starts_with(char::is_uppercase)
}

/// How many `super::` lead from the module in this file to the crate itself.
fn depth(path: &str) -> usize {
    path.trim_end_matches("/mod.rs").split('/').count()
}

/// Every Rust file under `folder`, with its path from there.
fn read(folder: &str) -> io::Result<Vec<(String, String)>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut folders = vec![root.clone()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                let name = path.strip_prefix(&root).unwrap_or(&path).display().to_string();
                files.push((name, fs::read_to_string(&path)?));
            }
        }
    }
    files.sort();
    Ok(files)
}

#[test]
fn the_source_keeps_to_its_layers() {
    let files = read("src").unwrap();
    assert!(files.iter().any(|(path, _)| path == "lib.rs"), "the source is not found");
    let faults: Vec<_> = files.iter().flat_map(|(path, text)| faults(path, text)).collect();
    assert!(faults.is_empty(), "in src/:\n{}", faults.join("\n"));
}

#[test]
fn files_of_a_folder_use_each_other_one_way() {
    let faults = circle_faults(&read("src").unwrap(), KNOWN_CIRCLES);
    assert!(faults.is_empty(), "in src/:\n{}", faults.join("\n"));
}

#[test]
fn the_tests_keep_to_the_house_rules() {
    let files = read("tests").unwrap();
    assert!(files.iter().any(|(path, _)| path == "architecture.rs"), "the tests are not found");
    let faults: Vec<_> = files.iter().flat_map(|(path, text)| file_faults(path, text)).collect();
    assert!(faults.is_empty(), "in tests/:\n{}", faults.join("\n"));
}

#[test]
fn the_table_has_no_cycle() {
    for (row, layer) in LAYERS.iter().enumerate() {
        for used in layer.may_use.iter().filter(|used| **used != "*") {
            assert!(LAYERS[..row].iter().any(|above| above.name == *used), "{}", layer.name);
        }
    }
}

fn check(path: &str, body: &str, expected: &[&str]) {
    let found = faults(path, &format!("//! A file.\n{body}\n"));
    assert_eq!(found.len(), expected.len(), "{path}: {body}\n{found:?}");
    for (fault, expected) in found.iter().zip(expected) {
        assert!(fault.contains(expected), "{path}: {body}\n{fault}");
    }
}

#[test]
fn planted_breaches_of_the_layers_are_found() {
    check(
        "search/x.rs",
        "use crate::actors::Trainer;",
        &["x.rs:2: `search` must not use `crate::actors`"],
    );
    check("space/arch.rs", "use crate::random::generator;", &["crate::random"]);
    check("telemetry/x.rs", "fn f() { crate::space::draw(); }", &["crate::space"]);
    check("actors/x.rs", "use crate::export::svg;", &["crate::export"]);
    check("net/x.rs", "pub(crate) use crate::data::Batch;", &["crate::data"]);
    check("random.rs", "use crate::space::Arch;", &["crate::space"]);
    check("config/mod.rs", "use crate::daemon::run;", &["crate::daemon"]);
    check("search/x.rs", "use crate::{space::Arch, net::Net};", &["braces"]);
    check("search/mod.rs", "use super::actors::Trainer;", &["`super::`"]);
    check("search/x.rs", "use super::super::actors::Trainer;", &["`super::`"]);
    check("space/x.rs", "use candle_core::Tensor;", &["candle_core"]);
    check("space/x.rs", "use std::{fmt, fs::File};", &["std::fs"]);
    check("search/x.rs", "use std::{\n    fmt,\n    net::{self, IpAddr},\n};", &["std::net"]);
    check("search/x.rs", "fn f() { std::fs::read(p); }", &["std::fs"]);
    check("search/x.rs", "#[tokio::main]", &["tokio"]);
    check("search/x.rs", "use metrics::gauge;", &["metrics"]);
    check("search/x.rs", "let t = Instant::now();", &["clock"]);
    check("store/x.rs", "use std::time::{Duration, SystemTime};", &["clock"]);
    check("actors/x.rs", "use actix_web::App;", &["actix_web"]);
    check("search/x.rs", "#[cfg(test)]\nmod tests;\nuse tokio::time;", &["x.rs:4: `search`"]);
    check(
        "search/x.rs",
        "    #[cfg(test)]\n    fn f() {\n        a();\n    }\n    use tokio::time;",
        &["x.rs:6:"],
    );
}

#[test]
fn planted_words_of_one_space_are_found() {
    check("api/x.rs", "use crate::space::{Arch, MicroSpace};", &["x.rs:2: `MicroSpace` is a word"]);
    check(
        "store/x.rs",
        "fn f(space: Space) { if let Space::WholeNet(_) = space {} }",
        &["WholeNet"],
    );
    check("actors/x.rs", "fn f() -> CellKind { g() }", &["`CellKind`"]);
    check("daemon/x.rs", "use crate::space::Op;", &["`Op`"]);
    check("bin/x.rs", "use enasd::space::{Arch, Cell};", &["`Cell`"]);
    check("bench/x.rs", "fn f() { crate::space::Op::ALL; }", &["`Op`"]);
    check("search/x.rs", "use crate::space::*;", &["`*`"]);
    check("net/x.rs", "use crate::space::{Cell, LayerOp, MicroSpace};", &[]);
    check("actors/x.rs", "use std::cell::Cell;\nfn f(sent: Cell<u8>) {}", &[]);
    check("engine/x.rs", "fn run<Op: WithSimd>(op: Op) -> Op::Output { op.run() }", &[]);
    check("api/x.rs", "// A MicroSpace.\n#[cfg(test)]\nuse crate::space::MicroSpace;", &[]);
}

#[test]
fn planted_breaches_of_the_house_rules_are_found() {
    check("net/utils.rs", "", &["`utils`"]);
    check("net/common/mod.rs", "", &["`common`"]);
    check("extra/mod.rs", "", &["not in the layer table"]);
    check("net/x.rs", "fn f() { g().unwrap(); }", &["`unwrap`"]);
    check("net/x.rs", "fn f() { g().map(Result::unwrap_err) }", &["`unwrap`"]);
    check("net/x.rs", "#[ignore = \"slow\"]", &["`#[ignore`"]);
    check("bin/x.rs", "fn f() { todo!() }", &["`todo!`"]);
    check("net/x.rs", &"\n".repeat(MAX_LINES - 1), &["401 lines"]);
    assert!(faults("net/x.rs", "use std::fmt;\n")[0].contains("`//!`"));
    assert!(file_faults("x.rs", "//! A test.\n#[ignore]\n")[0].contains("x.rs:2"));
}

#[test]
fn what_is_allowed_is_not_reported() {
    check("search/x.rs", "use crate::space::{Arch, Menu};\nuse crate::search::x;", &[]);
    check("search/x.rs", "// use crate::actors; .unwrap()\n/* tokio::spawn */", &[]);
    check("search/x.rs", "const A: &str = \"tokio::main \\\" .unwrap()\";", &[]);
    check(
        "search/x.rs",
        "const A: &str = r#\"todo!( \"x\" tokio::a\"#;\nconst B: char = '\"';",
        &[],
    );
    check("search/x.rs", "fn f<'a>(x: &'a str) -> u8 { x.unwrap_or(b'\\'') }", &[]);
    check(
        "net/x.rs",
        "#[cfg(test)]\nmod tests {\n    use crate::data::X;\n    a.unwrap();\n}",
        &[],
    );
    check("net/x.rs", "#[cfg(test)]\n#[allow(a)]\nuse std::{\n    fs,\n};\nuse std::fmt;", &[]);
    check("space/micro/x.rs", "use super::super::arch::Arch;", &[]);
    check("telemetry/x.rs", "use std::time::Instant;\nuse metrics::gauge;", &[]);
    check("actors/x.rs", "use crate::store::Keeper;\nuse actix::Actor;", &[]);
    check("config/x.rs", "use crate::api::ApiConfig;", &[]);
    check("bin/enasd/main.rs", "use enasd::daemon::run;\nuse actix::System;", &[]);
    check("lib.rs", "pub mod space;", &[]);
    check("net/x.rs", &"\n".repeat(MAX_LINES - 2), &[]);
}
