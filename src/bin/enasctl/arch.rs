//! `enasctl arch`: an architecture alone, without a daemon.

use std::io::{self, Read};
use std::sync::Arc;

use enasd::api::wire::FactReply;
use enasd::export::{draw_dot, draw_svg, draw_text};
use enasd::net::{Cost, Input, NetConfig, NetError, NetFamily, Shape, family};
use enasd::space::{Arch, Space, SpaceConfig, SpaceError};
use serde::{Deserialize, Serialize};

use crate::arch_args::{ArchVerb, Drawing, NetForm, ShowArgs};
use crate::failure::Failure;
use crate::printer::{Printer, fields, thousands};

/// The longest text read from standard input; the longest architecture is far shorter.
const MAX_INPUT_BYTES: u64 = 64 << 10;

/// Normal cells of the paper's final micro net.
const PAPER_CELLS: usize = 15;

/// What `arch show` says.
#[derive(Debug, Serialize)]
struct Description {
    id: String,
    facts: Vec<FactReply>,
    /// Nothing of an architecture that has no net which reads images.
    #[serde(flatten)]
    size: Option<NetSize>,
    arch: String,
    flat: String,
}

/// What it says of the net.
#[derive(Debug, Serialize)]
struct NetSize {
    params: u64,
    aux_params: u64,
    multiply_adds: u64,
    activation_bytes: u64,
}

impl From<Cost> for NetSize {
    fn from(cost: Cost) -> Self {
        let Cost { params, aux_params, multiply_adds, activation_bytes } = cost;
        Self { params, aux_params, multiply_adds, activation_bytes }
    }
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
    let Some(text) = &args.arch else { return show_shared(args, printer) };
    let arch = read_in(space(args)?, text)?;
    let description = describe(&arch, args)?;
    let drawing = draw_text(&arch, printer.width());
    printer.one(&description, |found| format!("{}\n\n{drawing}", table(found)))
}

/// The space that the arguments name, of the size that they do or of its default.
fn space(args: &ShowArgs) -> Result<Space, Failure> {
    let config = SpaceConfig { kind: args.space.unwrap_or_default(), ..SpaceConfig::default() };
    sized(Space::new(&config)?, args)
}

/// `space` with the layers that the arguments ask for.
fn sized(space: Space, args: &ShowArgs) -> Result<Space, Failure> {
    Ok(args.layers.map_or(Ok(space), |layers| space.with_layers(layers))?)
}

/// The nets of `space` that the arguments describe.
fn nets(space: Space, args: &ShowArgs) -> Result<Arc<dyn NetFamily>, Failure> {
    let layers = args.layers.unwrap_or(PAPER_CELLS);
    let config = NetConfig { layers, channels: args.channels, ..NetConfig::default() };
    let shape = Shape { channels: args.image_channels, height: args.side, width: args.side };
    Ok(family(space, &config, Input::Image { shape, classes: args.classes })?)
}

fn describe(arch: &Arch, args: &ShowArgs) -> Result<Description, Failure> {
    // Where the text spells layers and another number of them is asked for, it is refused.
    let family = match nets(sized(arch.space(), args)?, args) {
        Err(Failure::Net(NetError::ReadsWords { .. })) => None,
        found => Some(found?),
    };
    let net = family.map(|family| match args.net.unwrap_or(NetForm::Standalone) {
        NetForm::Standalone => family.standalone(arch),
        NetForm::Shared => family.shared(arch),
    });
    let net = match net.transpose() {
        Err(NetError::NoNets { .. }) => None,
        found => found?,
    };
    Ok(Description {
        id: arch.id(),
        facts: FactReply::all(arch),
        size: net.map(|net| net.cost().into()),
        arch: arch.to_string(),
        flat: arch.to_flat(),
    })
}

/// What `arch show` says of the shared weights of all architectures.
#[derive(Debug, Serialize)]
struct SharedSize {
    space: String,
    size: String,
    params: u64,
    aux_params: u64,
}

fn show_shared(args: &ShowArgs, printer: &mut Printer) -> Result<(), Failure> {
    if args.net != Some(NetForm::Shared) {
        return Err(Failure::NoArch);
    }
    let space = space(args)?;
    let nets = nets(space, args)?;
    let params = nets.shared_params();
    if params.is_empty() {
        // Any architecture is told why there are none.
        nets.shared(&space.first_arch())?;
    }
    let count = |is_aux: bool| {
        let of_head = params.iter().filter(|(name, _)| name.starts_with("aux.") == is_aux);
        of_head.map(|(_, spec)| spec.len() as u64).sum()
    };
    let found = SharedSize {
        space: space.name().to_owned(),
        size: space.rules().size(),
        params: count(false),
        aux_params: count(true),
    };
    printer.one(&found, |found| {
        fields(&[
            ("space", format!("{}, {}", found.space, found.size)),
            ("shared parameters", thousands(found.params)),
            ("of the auxiliary head", thousands(found.aux_params)),
        ])
    })
}

fn table(found: &Description) -> String {
    let mut rows = vec![("id", found.id.clone())];
    rows.extend(facts(&found.facts));
    if let Some(size) = &found.size {
        rows.extend([
            ("parameters", thousands(size.params)),
            ("of the auxiliary head", thousands(size.aux_params)),
            ("multiply-adds an image", thousands(size.multiply_adds)),
            ("activation bytes", thousands(size.activation_bytes)),
        ]);
    }
    rows.extend([("arch", found.arch.clone()), ("flat", found.flat.clone())]);
    fields(&rows)
}

/// Facts as rows of a table.
pub(crate) fn facts(facts: &[FactReply]) -> impl Iterator<Item = (&str, String)> {
    facts.iter().map(|fact| (fact.name.as_str(), fact.value.clone()))
}

/// Reads an architecture in any text form or in JSON that describes one, `-` from standard input.
pub(crate) fn read(text: &str) -> Result<Arch, Failure> {
    read_in(Space::new(&SpaceConfig::default())?, text)
}

/// The same, where forms of `space` are tried first.
pub(crate) fn read_in(space: Space, text: &str) -> Result<Arch, Failure> {
    Ok(parse(space, given(text)?)?.1)
}

/// The text that spells the architecture, as it is given, once it reads as one: whoever is asked for
/// it says in which form it is, and an id knows more than the architecture that it spells.
pub(crate) fn spelled(text: &str) -> Result<String, Failure> {
    Ok(parse(Space::new(&SpaceConfig::default())?, given(text)?)?.0)
}

/// What is given: `-` stands for standard input.
fn given(text: &str) -> Result<String, Failure> {
    let mut given = text.to_owned();
    if text == "-" {
        given.clear();
        let input = io::stdin().take(MAX_INPUT_BYTES).read_to_string(&mut given);
        input.map_err(Failure::Input)?;
    }
    Ok(given)
}

/// The text that spells an architecture, which may stand in JSON that describes one, and the
/// architecture.
fn parse(space: Space, text: String) -> Result<(String, Arch), Failure> {
    if !text.trim_start().starts_with('{') {
        let arch = Arch::parse(space, &text)?;
        return Ok((text, arch));
    }
    let err = match serde_json::from_str::<Described>(&text) {
        Ok(Described { arch: inner }) => {
            let arch = Arch::parse(space, &inner)?;
            return Ok((inner, arch));
        }
        Err(err) => err,
    };
    // Some forms look like JSON themselves; one that is recognized says what is wrong.
    match Arch::parse(space, &text) {
        Ok(arch) => Ok((text, arch)),
        Err(SpaceError::UnknownForm { .. }) => Err(Failure::Json(err)),
        Err(found) => Err(found.into()),
    }
}

/// What of an `arch.json`, of this program's replies and of their items spells the architecture.
#[derive(Debug, Deserialize)]
struct Described {
    arch: String,
}
