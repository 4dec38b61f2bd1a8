//! `enasctl arch`: an architecture alone, without a daemon.

use std::io::{self, Read};

use enasd::api::wire::LooseEnds;
use enasd::export::{draw_dot, draw_svg, draw_text};
use enasd::net::{Input, NetConfig, Shape, family};
use enasd::space::{Arch, CellKind};
use serde::{Deserialize, Serialize};

use crate::args::{ArchVerb, Drawing, NetForm, ShowArgs, SpaceName};
use crate::failure::Failure;
use crate::printer::{Printer, fields, thousands};

/// The longest text read from standard input; the longest architecture is far shorter.
const MAX_INPUT_BYTES: u64 = 64 << 10;

/// What `arch show` says.
#[derive(Debug, Serialize)]
struct Description {
    id: String,
    nodes: usize,
    loose_ends: LooseEnds,
    params: u64,
    aux_params: u64,
    multiply_adds: u64,
    activation_bytes: u64,
    arch: String,
    flat: String,
}

/// Carries out a verb.
pub(crate) fn run(verb: &ArchVerb, printer: &mut Printer) -> Result<(), Failure> {
    match verb {
        ArchVerb::Show(args) => show(args, printer),
        ArchVerb::Draw { arch, format } => {
            let arch = read(arch)?;
            printer.text(&match format {
                Drawing::Svg => draw_svg(&arch),
                Drawing::Dot => draw_dot(&arch),
                Drawing::Text => draw_text(&arch, printer.width()),
            })
        }
    }
}

fn show(args: &ShowArgs, printer: &mut Printer) -> Result<(), Failure> {
    let arch = read(&args.arch)?;
    let description = describe(&arch, args)?;
    let drawing = draw_text(&arch, printer.width());
    printer.one(&description, |found| format!("{}\n\n{drawing}", table(found)))
}

fn describe(arch: &Arch, args: &ShowArgs) -> Result<Description, Failure> {
    let SpaceName::Micro = args.space;
    let nodes = arch.cell(CellKind::Normal).nodes().len();
    let config = NetConfig { layers: args.layers, channels: args.channels, ..NetConfig::default() };
    let shape = Shape { channels: args.image_channels, height: args.side, width: args.side };
    let input = Input::Image { shape, classes: args.classes };
    let family = family(arch.space(), &config, input)?;
    let net = match args.net {
        NetForm::Standalone => family.standalone(arch)?,
        NetForm::Shared => family.shared(arch)?,
    };
    let cost = net.cost();
    Ok(Description {
        id: arch.id(),
        nodes,
        loose_ends: LooseEnds {
            normal: arch.cell(CellKind::Normal).loose_ends(),
            reduction: arch.cell(CellKind::Reduction).loose_ends(),
        },
        params: cost.params,
        aux_params: cost.aux_params,
        multiply_adds: cost.multiply_adds,
        activation_bytes: cost.activation_bytes,
        arch: arch.to_string(),
        flat: arch.to_flat(),
    })
}

fn table(found: &Description) -> String {
    fields(&[
        ("id", found.id.clone()),
        ("nodes a cell", found.nodes.to_string()),
        ("loose ends, normal", numbers(&found.loose_ends.normal)),
        ("loose ends, reduction", numbers(&found.loose_ends.reduction)),
        ("parameters", thousands(found.params)),
        ("of the auxiliary head", thousands(found.aux_params)),
        ("multiply-adds an image", thousands(found.multiply_adds)),
        ("activation bytes", thousands(found.activation_bytes)),
        ("arch", found.arch.clone()),
        ("flat", found.flat.clone()),
    ])
}

/// Numbers in a row.
pub(crate) fn numbers(numbers: &[usize]) -> String {
    numbers.iter().map(usize::to_string).collect::<Vec<_>>().join(" ")
}

/// Reads an architecture in any text form or in JSON that describes one, `-` from standard input.
pub(crate) fn read(text: &str) -> Result<Arch, Failure> {
    if text != "-" {
        return parse(text);
    }
    let mut text = String::new();
    io::stdin().take(MAX_INPUT_BYTES).read_to_string(&mut text).map_err(Failure::Input)?;
    parse(&text)
}

fn parse(text: &str) -> Result<Arch, Failure> {
    if !text.trim_start().starts_with('{') {
        return Ok(text.parse()?);
    }
    let found: Described = serde_json::from_str(text).map_err(Failure::Json)?;
    Ok(found.arch.parse()?)
}

/// What of an `arch.json`, of this program's replies and of their items spells the architecture.
#[derive(Debug, Deserialize)]
struct Described {
    arch: String,
}
