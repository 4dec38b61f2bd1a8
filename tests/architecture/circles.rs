//! Circles between the files of one folder: a file that uses a neighbor, which uses it in turn,
//! alone or by way of others. A folder beside a file counts as one file.
//!
//! It follows what `use` lines and paths spell, and what a folder's `mod.rs` passes on.

use std::collections::{BTreeMap, BTreeSet};

use crate::source::{code_of, paths, statements, without_tests};

/// Uses that close a circle within a folder: the folder, the file that uses and the file used.
pub(crate) const KNOWN_CIRCLES: &[(&str, &str, &str)] = &[
    // An error tells what it is about.
    ("data", "error", "image_set"),
    ("space", "error", "config"),
    ("space", "error", "form"),
    // A space is one of a closed set, and makes architectures, which are of a space, and whose
    // texts and ids are those of any space.
    ("space", "search_space", "arch"),
    ("space", "search_space", "form"),
    ("space", "search_space", "micro"),
    ("space", "search_space", "nas_cnn"),
    ("space", "search_space", "nas_rnn"),
    ("space", "search_space", "nasbench201"),
    ("space", "search_space", "nasnet"),
    ("space", "search_space", "recurrent"),
    ("space", "search_space", "whole_net"),
    ("space", "arch", "form"),
    ("space", "arch", "id"),
];

/// A module, as the names that lead to it from `src/`.
type Module = Vec<String>;

/// Which neighbors a file uses: by folder and file, the neighbor with the first line that names it.
type Uses = BTreeMap<(Module, String), BTreeMap<String, String>>;

/// What is known of the modules.
struct Map {
    modules: BTreeSet<Module>,
    /// What a module imports, or passes on, by its name there.
    imports: BTreeMap<(Module, String), Module>,
}

/// A statement with its line and its module.
struct Line<'a> {
    module: Module,
    place: String,
    paths: Vec<String>,
    file: &'a str,
}

/// The circles among `files`, but for those that only close by a use in `known`: folder, the file
/// that uses and the file that is used. Entries that close none are told too.
pub(crate) fn circle_faults(
    files: &[(String, String)],
    known: &[(&str, &str, &str)],
) -> Vec<String> {
    let mut uses = uses(files);
    let mut faults = Vec::new();
    let is_known = |folder: &Module, from: &str, to: &str| {
        known.iter().any(|k| (k.0, k.1, k.2) == (folder.join("/").as_str(), from, to))
    };
    for (folder, from, to) in known {
        let folder: Module = folder.split('/').map(str::to_owned).collect();
        if !reaches(&uses, &folder, to, from) || !is_used(&uses, &folder, from, to) {
            faults.push(format!("{}: {from} → {to} closes no circle", folder.join("/")));
        }
    }
    for ((folder, from), used) in &mut uses {
        used.retain(|to, _| !is_known(folder, from, to));
    }
    for ((folder, from), used) in &uses {
        for (to, place) in used.iter().filter(|(to, _)| reaches(&uses, folder, to, from)) {
            faults.push(format!("{place}: {from} uses {to}, which uses {from} in turn"));
        }
    }
    faults
}

fn is_used(uses: &Uses, folder: &Module, from: &str, to: &str) -> bool {
    uses.get(&(folder.clone(), from.to_owned())).is_some_and(|used| used.contains_key(to))
}

/// Whether a file of `folder` uses another, alone or by way of others.
fn reaches(uses: &Uses, folder: &Module, from: &str, to: &str) -> bool {
    let (mut seen, mut ahead) = (BTreeSet::new(), vec![from.to_owned()]);
    while let Some(file) = ahead.pop() {
        if file == to {
            return true;
        }
        if seen.insert(file.clone()) {
            ahead.extend(
                uses.get(&(folder.clone(), file)).into_iter().flat_map(|u| u.keys()).cloned(),
            );
        }
    }
    false
}

fn uses(files: &[(String, String)]) -> Uses {
    let lines: Vec<Line> = files.iter().flat_map(|(path, text)| lines(path, text)).collect();
    let map = Map::new(files, &lines);
    let mut uses = Uses::new();
    for line in &lines {
        for path in &line.paths {
            let Some(target) = map.absolute(line, path).map(|path| map.module_of(path)) else {
                continue;
            };
            let common = line.module.iter().zip(&target).take_while(|(a, b)| a == b).count();
            // The layers of the crate have a table of their own.
            if let (1.., Some(from), Some(to)) =
                (common, line.module.get(common), target.get(common))
            {
                let folder = line.module[..common].to_vec();
                let used = uses.entry((folder, from.clone())).or_default();
                used.entry(to.clone()).or_insert_with(|| line.place.clone());
            }
        }
    }
    uses
}

/// What a file says outside tests.
fn lines<'a>(file: &'a str, text: &str) -> Vec<Line<'a>> {
    if file.ends_with("/tests.rs") || text.contains("\n#![cfg(test)]\n") {
        return Vec::new();
    }
    let line = |(number, statement): (usize, String)| Line {
        module: module(file),
        place: format!("{file}:{number}"),
        paths: paths(&statement),
        file,
    };
    statements(&without_tests(&code_of(text))).into_iter().map(line).collect()
}

fn module(file: &str) -> Module {
    let stem = file.trim_end_matches(".rs");
    let stem = stem.trim_end_matches("/mod").trim_end_matches("/main");
    stem.split('/').filter(|name| *name != "lib").map(str::to_owned).collect()
}

impl Map {
    fn new(files: &[(String, String)], lines: &[Line]) -> Self {
        let modules = files.iter().map(|(path, _)| module(path));
        let modules = modules.flat_map(|m| (0..=m.len()).map(move |n| m[..n].to_vec())).collect();
        let mut map = Self { modules, imports: BTreeMap::new() };
        let mut imports = BTreeMap::new();
        for line in lines {
            for path in &line.paths {
                if let (Some(target), Some((_, name))) =
                    (map.absolute(line, path), path.rsplit_once("::"))
                {
                    imports.insert((line.module.clone(), name.to_owned()), target);
                }
            }
        }
        map.imports = imports;
        map
    }

    /// Where a path leads from the crate on; nothing where it is of another crate, or local.
    fn absolute(&self, line: &Line, path: &str) -> Option<Module> {
        let mut names: Vec<String> = path.split("::").map(str::to_owned).collect();
        let mut start = line.module.clone();
        match names[0].as_str() {
            "crate" => start.truncate(if line.file.starts_with("bin/") { 2 } else { 0 }),
            "enasd" if line.file.starts_with("bin/") => start.clear(),
            "self" => {}
            "super" => {
                while names.first().is_some_and(|name| name == "super") {
                    names.remove(0);
                    start.pop();
                }
                start.extend(names);
                return Some(start);
            }
            first => {
                start.push(first.to_owned());
                if !self.modules.contains(&start) {
                    return None;
                }
            }
        }
        start.extend(names.into_iter().skip(1));
        Some(start)
    }

    /// The module in which the end of an absolute path is written.
    fn module_of(&self, mut path: Module) -> Module {
        // No name is passed on more often.
        for _ in 0..8 {
            let known = |n: &usize| self.modules.contains(&path[..*n]);
            let length = (0..=path.len()).take_while(known).count() - 1;
            let Some(name) = path.get(length) else { return path };
            let import = (path[..length].to_vec(), name.clone());
            match self.imports.get(&import).filter(|target| **target != path) {
                Some(target) => path = [target.clone(), path[length + 1..].to_vec()].concat(),
                None => return path[..length].to_vec(),
            }
        }
        path
    }
}

#[test]
fn planted_circles_are_found() {
    let check = |files: &[(&str, &str)], known: &[_], expected: &[&str]| {
        let files: Vec<_> = files
            .iter()
            .map(|(path, text)| (format!("x/{path}.rs"), format!("{text}\n")))
            .collect();
        let found = circle_faults(&files, known);
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (fault, expected) in found.iter().zip(expected) {
            assert!(fault.contains(expected), "{fault}");
        }
    };
    let top = ("mod", "mod a;\nmod b;\npub use a::A;\npub use b::{B, C};");
    let [a, b] = [("a", "use super::b::B;"), ("b", "\nuse crate::x::A;")];
    let both = ["x/a.rs:1: a uses b", "x/b.rs:2: b uses a"];
    check(&[top, a, b], &[], &both);
    check(&[top, a, b], &[("x", "b", "a")], &[]);
    check(&[top, a, ("b", "")], &[("x", "b", "a")], &["b → a closes no circle"]);
    check(
        &[top, a, ("b/mod", "mod c;"), ("b/c", "fn f() { crate::x::a::g() }")],
        &[],
        &["a uses b", "c.rs"],
    );
    let third = ("c", "use crate::x::{\n    A,\n};");
    check(
        &[top, ("a", "use crate::x::B;"), ("b", "use super::c::D;"), third],
        &[],
        &["a.rs", "b.rs", "c.rs"],
    );
    check(&[top, a, ("b", "#[cfg(test)]\nuse crate::x::A;")], &[], &[]);
    check(&[top, a, ("b", "// use crate::x::A;\nuse std::a::A;")], &[], &[]);
    check(&[("a", "use crate::y::B;"), ("b", "use crate::x::a::A;")], &[], &[]);
}
