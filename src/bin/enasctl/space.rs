//! `enasctl space`: a search space alone, without a daemon.

use enasd::space::{Decision, Space, SpaceConfig};
use serde::Serialize;

use crate::arch_args::SpaceVerb;
use crate::failure::Failure;
use crate::printer::{Printer, fields};

/// What `space show` says.
#[derive(Debug, Serialize)]
struct Description {
    name: &'static str,
    about: &'static str,
    size: String,
    parts: &'static [&'static str],
    menus: Vec<Menu>,
    decisions: Decisions,
    forms: Vec<Form>,
    sizes: Vec<Size>,
}

/// What is picked from.
#[derive(Debug, Serialize)]
struct Menu {
    name: &'static str,
    options: &'static [&'static str],
}

/// How many decisions spell one architecture, by what they ask.
#[derive(Debug, Default, Serialize)]
struct Decisions {
    /// One option of a menu.
    picks: usize,
    /// One earlier node.
    points: usize,
    /// Whether to keep an earlier node.
    links: usize,
}

/// One text form.
#[derive(Debug, Serialize)]
struct Form {
    name: &'static str,
    example: &'static str,
}

/// One way to count the architectures.
#[derive(Debug, Serialize)]
struct Size {
    of: &'static str,
    /// In decimal digits: it may be larger than any number of JSON's readers.
    count: String,
}

/// Carries out a verb.
pub(crate) fn run(verb: &SpaceVerb, printer: &mut Printer) -> Result<(), Failure> {
    let SpaceVerb::Show { name, nodes, layers, strides, leaves } = *verb;
    let defaults = SpaceConfig::default();
    let space = Space::new(&SpaceConfig {
        kind: name,
        nodes: nodes.unwrap_or(defaults.nodes),
        layers,
        recurrent_nodes: nodes.unwrap_or(defaults.recurrent_nodes),
        blocks: nodes.unwrap_or(defaults.blocks),
        strides,
        leaves,
    })?;
    printer.one(&describe(space), table)
}

fn describe(space: Space) -> Description {
    let (rules, script) = (space.rules(), space.script());
    let mut decisions = Decisions::default();
    for decision in script.decisions() {
        match decision {
            Decision::Pick { .. } => decisions.picks += 1,
            Decision::Point { .. } => decisions.points += 1,
            Decision::Link { earlier, .. } => decisions.links += earlier,
        }
    }
    let menus = script.menus().into_iter();
    let forms = rules.forms().iter();
    Description {
        name: rules.name(),
        about: rules.about(),
        size: rules.size(),
        parts: rules.parts(),
        menus: menus.map(|menu| Menu { name: menu.name, options: menu.options }).collect(),
        decisions,
        forms: forms.map(|form| Form { name: form.name, example: form.example }).collect(),
        sizes: rules.sizes().into_iter().map(|s| Size { of: s.of, count: s.count }).collect(),
    }
}

fn table(found: &Description) -> String {
    let Decisions { picks, points, links } = &found.decisions;
    let mut rows = vec![
        ("space", format!("{}, {}", found.name, found.size)),
        ("what it is", found.about.to_owned()),
        ("parts", found.parts.join(", ")),
    ];
    for menu in &found.menus {
        rows.push(("options", format!("{}: {}", menu.name, menu.options.join(", "))));
    }
    rows.push(("decisions", format!("{picks} picks, {points} earlier nodes, {links} links")));
    rows.extend(
        found.forms.iter().map(|form| ("form", format!("{}: {}", form.name, form.example))),
    );
    rows.extend(found.sizes.iter().map(|size| ("size", format!("{}: {}", size.of, size.count))));
    fields(&rows)
}
