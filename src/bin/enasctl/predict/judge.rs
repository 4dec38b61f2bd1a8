//! Who predicts: the daemon, or this program with a net from a folder.

use std::path::Path;

use enasd::actors::Status;
use enasd::api::wire::{MAX_TEXT_BYTES, PredictResult, PredictedImage, TextResult};
use enasd::engine::ExecutorChoice;
use enasd::search::{Objective, SearchError};
use enasd::store::{ChampionNet, open_champion};

use crate::arch::read;
use crate::args::{DaemonPlace, PredictArgs};
use crate::failure::Failure;
use crate::predict::pictures::Picture;
use crate::predict::text::{Longest, Text};
use crate::printer::objective;
use crate::socket::Daemon;

/// Classes of each image that are told where nobody says how many.
const TOP: usize = 3;

/// The most words of a text that is read here: the nets that read the fastest take minutes.
const MAX_WORDS_HERE: usize = 1_000_000;

/// The longest text that a daemon reads.
const OF_DAEMON: Longest = Longest {
    bytes: MAX_TEXT_BYTES as u64,
    reader: "a daemon reads; send it in parts, or read it here with `--model`",
};

/// The longest text that is read here.
const HERE: Longest = Longest { bytes: 64 << 20, reader: "is read; give it in parts" };

/// Who predicts, and how.
pub(super) struct Judge {
    source: Source,
    /// How many classes of each image are told.
    top: usize,
    /// Which net classified, and whether it is certified; empty before the first answer.
    id: String,
    certified: bool,
}

enum Source {
    /// A daemon, and the champion that is asked for: the present one where none is named.
    Daemon(Daemon, Option<String>),
    /// A net at hand.
    Here(Box<ChampionNet>),
}

impl Judge {
    pub(super) fn new(place: &DaemonPlace, args: &PredictArgs) -> Result<Self, Failure> {
        let (source, id, certified) = if let Some(folder) = &args.model {
            let net = open(folder)?;
            let (id, certified) = (net.id.clone(), net.is_certified);
            (Source::Here(Box::new(net)), id, certified)
        } else {
            let arch = args.arch.as_deref().map(read).transpose()?.map(|arch| arch.id());
            (Source::Daemon(Daemon::new(place)?, arch), String::new(), false)
        };
        Ok(Self { source, top: args.top.unwrap_or(TOP), id, certified })
    }

    /// Whether it reads words. All nets of a daemon read what its search maximizes a score on.
    pub(super) async fn reads_words(&self) -> Result<bool, Failure> {
        match &self.source {
            Source::Here(net) => Ok(net.of_words().is_ok()),
            Source::Daemon(daemon, _) => {
                let status: Status = daemon.questions.get("/v1/status").await?;
                Ok(objective(&status.objective) == Objective::Perplexity)
            }
        }
    }

    /// The longest text that it reads.
    pub(super) const fn longest(&self) -> Longest {
        match &self.source {
            Source::Here(_) => HERE,
            Source::Daemon(..) => OF_DAEMON,
        }
    }

    /// What it makes of `text`, and so many words that may follow it.
    pub(super) async fn read(
        &self,
        text: &Text,
        words: Option<usize>,
    ) -> Result<TextResult, Failure> {
        match &self.source {
            Source::Here(net) => {
                let predictor = net.of_words()?;
                let found = predictor.predict(&text.bytes, words.unwrap_or(0), MAX_WORDS_HERE);
                let found =
                    found.map_err(|fault| Failure::Text { file: text.file.clone(), fault })?;
                Ok(TextResult::new(self.id.clone(), self.certified, found))
            }
            Source::Daemon(daemon, arch) => {
                let asked = [("words", words.map(|n| n.to_string())), ("arch", arch.clone())];
                let asked = asked.iter().filter_map(|(key, value)| {
                    value.as_ref().map(|value| format!("{key}={value}"))
                });
                let path = format!("/v1/predict?{}", asked.collect::<Vec<_>>().join("&"));
                Ok(daemon.work().post_bytes(&path, "text/plain", text.bytes.clone()).await?)
            }
        }
    }

    /// What is found of each of `pictures`, in their order.
    pub(super) async fn judge(
        &mut self,
        pictures: Vec<Picture>,
    ) -> Result<Vec<PredictedImage>, Failure> {
        let mut images = Vec::new();
        let mut failed = Vec::new();
        for Picture { file, content } in pictures {
            match content {
                Ok(bytes) => {
                    images.push((file, bytes));
                    failed.push(None);
                }
                Err(fault) => failed.push(Some(PredictedImage::failed(file, fault))),
            }
        }
        let mut found = self.found(images).await?.into_iter();
        Ok(failed.into_iter().filter_map(|failed| failed.or_else(|| found.next())).collect())
    }

    async fn found(
        &mut self,
        images: Vec<(String, Vec<u8>)>,
    ) -> Result<Vec<PredictedImage>, Failure> {
        if images.is_empty() {
            return Ok(Vec::new());
        }
        match &mut self.source {
            Source::Here(net) => {
                let (files, images): (Vec<_>, Vec<_>) = images.into_iter().unzip();
                let found = net.of_images()?.predict(&images, self.top)?;
                let found = files.into_iter().zip(found);
                Ok(found.map(|(file, found)| PredictedImage::new(file, found)).collect())
            }
            Source::Daemon(daemon, arch) => {
                let which = arch.as_ref().map(|arch| format!("&arch={arch}")).unwrap_or_default();
                let path = format!("/v1/predict?top={}{which}", self.top);
                let (files, images): (Vec<_>, Vec<_>) = images.into_iter().unzip();
                let tar = packed(&images).map_err(Failure::Images)?;
                let result: PredictResult =
                    daemon.work().post_bytes(&path, "application/x-tar", tar).await?;
                // One net classifies all, whatever becomes the champion meanwhile.
                *arch = Some(result.id.clone());
                (self.id, self.certified) = (result.id, result.certified);
                let named = files.into_iter().zip(result.images);
                Ok(named.map(|(file, image)| PredictedImage { file, ..image }).collect())
            }
        }
    }

    /// The whole result.
    pub(super) fn result(self, images: Vec<PredictedImage>) -> PredictResult {
        PredictResult { id: self.id, certified: self.certified, images }
    }
}

fn open(folder: &Path) -> Result<ChampionNet, Failure> {
    let exec = ExecutorChoice::Auto.on_cpu().map_err(SearchError::from)?;
    Ok(open_champion(folder, exec)?)
}

/// The tar of images, numbered: not every name of a file is one in a tar.
fn packed(images: &[Vec<u8>]) -> std::io::Result<Vec<u8>> {
    let mut tar = tar::Builder::new(Vec::new());
    for (number, image) in images.iter().enumerate() {
        let mut header = tar::Header::new_gnu();
        header.set_size(image.len() as u64);
        header.set_mode(0o600);
        tar.append_data(&mut header, number.to_string(), &image[..])?;
    }
    tar.into_inner()
}
