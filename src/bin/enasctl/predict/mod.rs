//! `enasctl predict`: which classes images are of, or how likely a text is, by the daemon's champion
//! or by one that was taken away.
//!
//! ```text
//! FILE…, or a tar or a list on standard input ─ a few at a time ─┬─ tar ─ POST /v1/predict
//! FILE, or a text on standard input ─────────────────────────────┴─ the net in `--model DIR`
//! ```

mod judge;
mod pictures;
mod reading;
mod text;

use std::thread;

use enasd::api::wire::{PredictResult, PredictedImage};
use tokio::sync::mpsc;

use crate::args::{DaemonPlace, PredictArgs};
use crate::failure::Failure;
use crate::predict::judge::Judge;
use crate::predict::pictures::send_all;
use crate::printer::{Printer, percent, remark};

/// Images that are classified at a time: enough to keep the cores busy.
const AT_ONCE: usize = 64;

/// The bytes of images that are classified at a time, but for one that has more alone.
const BYTES_AT_ONCE: usize = 8 << 20;

/// Predicts by a net: classes of images, or words of a text.
pub(crate) async fn predict(
    place: &DaemonPlace,
    printer: &mut Printer,
    args: &PredictArgs,
) -> Result<(), Failure> {
    let judge = Judge::new(place, args)?;
    if judge.reads_words().await? {
        if args.top.is_some() {
            return Err(Failure::TopOfImages);
        }
        return reading::predict(printer, &judge, args).await;
    }
    if args.words.is_some() {
        return Err(Failure::WordsOfText);
    }
    if args.files.is_empty() {
        return Err(Failure::NoImages);
    }
    classify(printer, judge, args).await
}

/// Classifies images. Those that cannot be are told, and the others are answered.
async fn classify(
    printer: &mut Printer,
    mut judge: Judge,
    args: &PredictArgs,
) -> Result<(), Failure> {
    let (send, mut pictures) = mpsc::channel(1);
    let files = args.files.clone();
    let reader =
        thread::spawn(move || send_all(&files, |picture| send.blocking_send(picture).is_ok()));
    let mut images = Vec::new();
    let mut batch = Vec::new();
    let mut bytes = 0;
    while let Some(picture) = pictures.recv().await {
        let size = picture.size();
        if batch.len() == AT_ONCE || (!batch.is_empty() && BYTES_AT_ONCE < bytes + size) {
            images.extend(judge.judge(std::mem::take(&mut batch)).await?);
            bytes = 0;
        }
        bytes += size;
        batch.push(picture);
    }
    if !batch.is_empty() {
        images.extend(judge.judge(batch).await?);
    }
    reader.join().unwrap_or(Ok(())).map_err(Failure::Images)?;
    let failed = print(printer, &judge.result(images))?;
    if failed == 0 { Ok(()) } else { Err(Failure::Unclassified { failed }) }
}

/// Prints what was found, and returns how many images were not classified.
fn print(printer: &mut Printer, result: &PredictResult) -> Result<usize, Failure> {
    printer.many(
        result,
        &result.images,
        &[
            ("file", &|image: &PredictedImage| image.file.clone()),
            ("class", &|image| image.classes.first().map_or("-", |found| &found.class).to_owned()),
            ("probability", &|image| {
                image.classes.first().map_or("-".to_owned(), |found| percent(found.probability))
            }),
            ("or", &others),
        ],
    )?;
    let told = |image: &PredictedImage| Some(format!("`{}` {}", image.file, image.error.as_ref()?));
    let errors: Vec<String> = result.images.iter().filter_map(told).collect();
    errors.iter().for_each(remark);
    let failed = errors.len();
    if failed < result.images.len() {
        printer.aside(&format!("\n{}", by(&result.id, result.certified)))?;
    }
    Ok(failed)
}

/// Whose words these are.
fn by(id: &str, is_certified: bool) -> String {
    let certified = if is_certified { "certified" } else { "not certified" };
    format!("by {id}, {certified} on a test split")
}

/// The classes that come after the first.
fn others(image: &PredictedImage) -> String {
    let others = image.classes.iter().skip(1);
    let others = others.map(|found| format!("{} {}", found.class, percent(found.probability)));
    others.collect::<Vec<_>>().join(", ")
}
