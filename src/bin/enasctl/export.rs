//! `enasctl export`: the net of an architecture as files for other programs.

use std::fs;
use std::path::{Path, PathBuf};

use enasd::setting::WORDS;
use enasd::store::write_atomically;
use serde::Serialize;

use crate::arch::read;
use crate::export_args::{ExportArgs, ExportForm, ExportPixels, ExportStage};
use crate::failure::Failure;
use crate::printer::{Printer, fields, thousands};
use crate::reserved::Reserved;
use crate::socket::Daemon;

/// What to bear in mind with weights that all architectures share.
const SHARED: &str = "\nThese are shared weights: they rank architectures, and a net that is trained \
                      from scratch is better.";

/// The same of those that normalize.
const NORMALIZED: &str = " They normalize by the statistics of the images that are given together: \
                          give many at once.";

/// What `export` wrote.
#[derive(Debug, Serialize)]
struct Exported {
    /// Its id.
    id: String,
    /// How far the net has come: `champion`, `retrained` or `shared`.
    stage: String,
    files: Vec<Written>,
}

/// A file that is there.
#[derive(Debug, Serialize)]
struct Written {
    file: PathBuf,
    bytes: usize,
    /// Whether it was there before, with the same content.
    was_there: bool,
}

/// Has the daemon make the files, and writes them.
pub(crate) async fn export(
    daemon: &Daemon,
    printer: &mut Printer,
    args: &ExportArgs,
) -> Result<(), Failure> {
    if args.pixels.is_some() && args.to != ExportForm::Onnx {
        return Err(Failure::PixelsOfOnnxAlone);
    }
    let arch = read(&args.arch)?;
    let (id, reads_words) = (arch.id(), WORDS.contains(&arch.space().name()));
    if args.pixels.is_some() && reads_words {
        return Err(Failure::PixelsOfImages);
    }
    let (name, bytes) = daemon.work().get_file(&path(&id, args)).await?;
    let stage = stage_of(&id, &name).to_owned();
    let mut files = Vec::new();
    if args.to == ExportForm::Torch {
        // Of the stage of the weights, which fit no other net.
        let script = format!("/v1/archs/{id}.py?stage={stage}");
        let (_, script) = daemon.work().get_file(&script).await?;
        files.push(write(args, &format!("{}.py", stem(&name)), &script)?);
    }
    files.push(write(args, &name, &bytes)?);
    let exported = Exported { id, stage, files };
    printer.list(&exported, &exported.files, table)?;
    if exported.stage != ExportStage::Shared.name() {
        return Ok(());
    }
    printer.aside(&format!("{SHARED}{}", if reads_words { "" } else { NORMALIZED }))
}

/// What is asked for; of `torch` the weights.
fn path(id: &str, args: &ExportArgs) -> String {
    let stage = args.stage.name();
    match args.to {
        ExportForm::Onnx => {
            let pixels = args.pixels.unwrap_or(ExportPixels::U8).name();
            format!("/v1/archs/{id}.onnx?stage={stage}&pixels={pixels}")
        }
        ExportForm::Safetensors | ExportForm::Torch => {
            format!("/v1/archs/{id}.safetensors?stage={stage}")
        }
    }
}

/// The stage in the name of a file: `ID.STAGE-…`.
fn stage_of<'a>(id: &str, name: &'a str) -> &'a str {
    let rest = name.strip_prefix(id).and_then(|rest| rest.strip_prefix('.')).unwrap_or(name);
    rest.split(['-', '.']).next().unwrap_or(rest)
}

/// The name of a safetensors file without its ending.
fn stem(name: &str) -> &str {
    name.strip_suffix(".safetensors").unwrap_or(name)
}

/// Writes a file that the daemon calls `name`.
fn write(args: &ExportArgs, name: &str, bytes: &[u8]) -> Result<Written, Failure> {
    let file = match (&args.file, args.to) {
        (None, _) => PathBuf::from(name),
        (Some(file), ExportForm::Torch) => {
            file.with_extension(Path::new(name).extension().unwrap_or_default())
        }
        (Some(file), _) => file.clone(),
    };
    let was_there = holds(&file, bytes);
    if !was_there {
        let reserved = if args.force { None } else { Some(Reserved::new(&file)?) };
        write_atomically(&file, bytes)?;
        if let Some(reserved) = reserved {
            reserved.keep();
        }
    }
    Ok(Written { file, bytes: bytes.len(), was_there })
}

/// Whether `file` is a plain file with this content.
fn holds(file: &Path, bytes: &[u8]) -> bool {
    let is_alike =
        fs::metadata(file).is_ok_and(|found| found.is_file() && found.len() == bytes.len() as u64);
    is_alike && fs::read(file).is_ok_and(|found| found == bytes)
}

/// A row for each file.
fn table(exported: &Exported) -> String {
    let files = exported.files.iter().map(|written| {
        let was_there = if written.was_there { ", as it was there" } else { "" };
        format!("{}, {} bytes{was_there}", written.file.display(), thousands(written.bytes as u64))
    });
    let files = files.collect::<Vec<_>>().join("\n");
    fields(&[("id", exported.id.clone()), ("stage", exported.stage.clone()), ("written", files)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_file_says_the_stage_of_its_weights() {
        for (name, stage) in [
            ("m5-1.champion-0a1b2c3d.onnx", "champion"),
            ("m5-1.retrained-0a1b2c3d.f32.onnx", "retrained"),
            ("m5-1.shared-78-0a1b2c3d.safetensors", "shared"),
        ] {
            assert_eq!(stage_of("m5-1", name), stage);
        }
        assert_eq!(stem("m5-1.shared-78-0a1b2c3d.safetensors"), "m5-1.shared-78-0a1b2c3d");
    }
}
