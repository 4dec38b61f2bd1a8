//! What the file of a model holds: a net with its weights, what it reads, and what its outputs are
//! called.

use std::collections::BTreeMap;

use candle_core::{DType, Device, Tensor};
use serde::Serialize;

use crate::engine::Snapshot;
use crate::export::ExportError;
use crate::export::word_net::WordNet;
use crate::net::{Net, Norm};

/// The word that ends every line of a text.
pub(super) const EOS: &str = "<eos>";

/// The net of one architecture with everything that its files tell.
#[derive(Clone, Debug)]
pub struct Model<'a> {
    /// The net. Its auxiliary head is left out of all files.
    pub net: &'a Net,
    /// Its parameters by name, in f32; others may be there too.
    pub weights: &'a Snapshot,
    /// The means and variances of its batch normalizations, in f32, where it evaluates with
    /// running statistics; named as [`Gradients::moments`](crate::engine::Gradients::moments) has
    /// them.
    pub running: Option<&'a Snapshot>,
    /// What it reads, and what its classes are called.
    pub reads: Reads<'a>,
    /// The id of the architecture.
    pub id: &'a str,
    /// The architecture as text.
    pub arch: &'a str,
    /// Whatever else the files are to tell.
    pub metadata: BTreeMap<String, String>,
}

/// What a net reads, and what its classes are called.
#[derive(Clone, Copy, Debug)]
pub enum Reads<'a> {
    /// Images.
    Images {
        /// The mean of each channel of the training images, where pixels are from 0 to 1.
        mean: &'a [f32],
        /// Their standard deviation; the net reads `(pixel / 255 − mean) / std`.
        std: &'a [f32],
        /// Of an image with 16 bits a value: the value that becomes 0 and the one that becomes 255.
        deep: [u16; 2],
        /// The name of each class, in the order of the logits.
        class_names: &'a [String],
    },
    /// Text.
    Words {
        /// The words of the vocabulary, in the order of their ids, which are the classes.
        words: &'a [String],
    },
}

/// The numbers of a parameter or of a statistic.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Numbers {
    /// Sides of the tensor.
    pub(super) dims: Vec<usize>,
    /// Row by row.
    pub(super) values: Vec<f32>,
}

#[derive(Serialize)]
struct Normalization<'a> {
    mean: &'a [f32],
    std: &'a [f32],
}

impl Model<'_> {
    /// How many classes the net tells apart.
    pub(super) fn classes(&self) -> usize {
        // The layer `i` writes the tensor `i + 1`.
        self.net.layers[self.net.logits - 1].output.channels
    }

    /// Every parameter and running statistic that a forward pass reads, by name.
    pub(super) fn numbers(&self) -> Result<BTreeMap<String, Numbers>, ExportError> {
        let mut all = BTreeMap::new();
        for (name, spec) in self.net.evaluated().flat_map(|(_, layer)| layer.params()) {
            let Some(tensor) = self.weights.get(&name) else {
                return Err(ExportError::Parameter { name });
            };
            let found = numbers(&name, tensor, &spec.dims)?;
            all.insert(name, found);
        }
        for (name, channels) in self.net.statistics() {
            let Some(tensor) = self.running.and_then(|running| running.get(&name)) else {
                return Err(ExportError::Statistic { name });
            };
            let found = numbers(&name, tensor, &[channels])?;
            all.insert(name, found);
        }
        Ok(all)
    }

    /// What every file tells beside the net, once it is checked: `metadata`, the id, the
    /// architecture, and of what the net reads, as JSON, what a program has to know.
    pub(super) fn facts(&self) -> Result<BTreeMap<String, String>, ExportError> {
        self.check()?;
        let mut own = vec![
            ("id", self.id.to_owned()),
            ("arch", self.arch.to_owned()),
            ("enasd_version", env!("CARGO_PKG_VERSION").to_owned()),
        ];
        match self.reads {
            Reads::Images { mean, std, deep, class_names } => own.extend([
                ("class_names", json(class_names)),
                ("normalization", json(&Normalization { mean, std })),
                ("deep", json(&deep)),
                ("batch_normalization", statistics_of(self.net.norm).to_owned()),
            ]),
            Reads::Words { words } => {
                own.extend([("vocabulary", json(words)), ("eos", EOS.to_owned())]);
            }
        }
        let mut facts = self.metadata.clone();
        for (key, value) in own {
            if facts.insert(key.to_owned(), value).is_some() {
                return Err(ExportError::Key { key: key.to_owned() });
            }
        }
        Ok(facts)
    }

    fn check(&self) -> Result<(), ExportError> {
        match self.reads {
            Reads::Images { .. } if self.net.reads_words() => Err(ExportError::ReadsWords),
            Reads::Images { mean, std, class_names, .. } => {
                check_count("class names", class_names.len(), self.classes())?;
                self.check_normalization(mean, std)
            }
            Reads::Words { words } => {
                check_count("words", words.len(), WordNet::of(self.net)?.vocabulary)?;
                if words.iter().any(|word| word == EOS) { Ok(()) } else { Err(ExportError::NoEos) }
            }
        }
    }

    fn check_normalization(&self, mean: &[f32], std: &[f32]) -> Result<(), ExportError> {
        let channels = self.net.image.channels;
        check_count("means of channels", mean.len(), channels)?;
        check_count("deviations of channels", std.len(), channels)?;
        for (channel, (&mean, &std)) in mean.iter().zip(std).enumerate() {
            if !(mean.is_finite() && std.is_finite() && 0.0 < std) {
                return Err(ExportError::Normalization { channel, mean, std });
            }
        }
        Ok(())
    }
}

fn check_count(what: &'static str, found: usize, expected: usize) -> Result<(), ExportError> {
    if found == expected { Ok(()) } else { Err(ExportError::Count { what, found, expected }) }
}

/// By what a net normalizes within.
const fn statistics_of(norm: Norm) -> &'static str {
    match norm {
        Norm::Running => "by running statistics",
        Norm::Batch => "by the statistics of the images of a batch: show it many at once",
    }
}

/// `value` as JSON, which is a literal of Python's too where it has no `null` and no truth values.
pub(super) fn json<T: Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).expect("texts and finite numbers are always written")
}

fn numbers(name: &str, tensor: &Tensor, dims: &[usize]) -> Result<Numbers, ExportError> {
    if tensor.dims() != dims {
        return Err(ExportError::Sides {
            name: name.to_owned(),
            found: tensor.dims().to_vec(),
            expected: dims.to_vec(),
        });
    }
    match read(tensor) {
        Ok(values) => Ok(Numbers { dims: dims.to_vec(), values }),
        Err(source) => Err(ExportError::Tensor { name: name.to_owned(), source }),
    }
}

fn read(tensor: &Tensor) -> candle_core::Result<Vec<f32>> {
    if tensor.dtype() != DType::F32 {
        candle_core::bail!("it holds {:?}", tensor.dtype());
    }
    tensor.to_device(&Device::Cpu)?.flatten_all()?.to_vec1()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::sample::{CELLS, RECURRENT, Sample};
    use crate::export::{PixelType, onnx_file, safetensors_file, torch_file};
    use crate::space::Arch;

    /// All that read weights refuse the sample after `change` in the same words.
    fn check(change: impl Fn(&mut Sample), expected: &str) {
        let mut sample = Sample::of(CELLS, Norm::Running);
        change(&mut sample);
        let model = sample.model();
        let errors = [
            onnx_file(&model, PixelType::U8).unwrap_err().to_string(),
            safetensors_file(&model).unwrap_err().to_string(),
        ];
        assert!(errors.iter().all(|error| error.contains(expected)), "{errors:?}");
    }

    fn zeros(dims: &[usize], dtype: DType) -> Tensor {
        Tensor::zeros(dims, dtype, &Device::Cpu).unwrap()
    }

    #[test]
    fn weights_of_another_net_are_refused_by_name() {
        let name = "stem.weight".to_owned();
        check(|sample| drop(sample.weights.remove("stem.weight")), "lack `stem.weight`");
        check(
            |sample| drop(sample.weights.insert(name.clone(), zeros(&[9, 2, 3], DType::F32))),
            "`stem.weight` has the sides [9, 2, 3], but the net reads [9, 2, 3, 3]",
        );
        check(
            |sample| drop(sample.weights.insert(name.clone(), zeros(&[9, 2, 3, 3], DType::F64))),
            "`stem.weight` cannot be read as f32",
        );
        check(
            |sample| drop(sample.running.remove("stem.norm.variance")),
            "no running statistic `stem.norm.variance`",
        );
    }

    #[test]
    fn what_only_the_auxiliary_head_reads_may_be_missing() {
        let mut sample = Sample::of(CELLS, Norm::Running);
        assert!(sample.net.aux_logits.is_some());
        sample.weights.retain(|name, _| !name.starts_with("aux."));
        sample.running.retain(|name, _| !name.starts_with("aux."));
        onnx_file(&sample.model(), PixelType::F32).unwrap();
        safetensors_file(&sample.model()).unwrap();
    }

    /// All files refuse the model in the same words.
    fn check_model(model: &Model<'_>, expected: &str) {
        let errors = [
            onnx_file(model, PixelType::U8).unwrap_err().to_string(),
            safetensors_file(model).unwrap_err().to_string(),
            torch_file(model).unwrap_err().to_string(),
        ];
        assert!(errors.iter().all(|error| error.contains(expected)), "{errors:?}");
    }

    /// All files refuse the sample's net where it reads this.
    fn check_reads(sample: &Sample, reads: Reads<'_>, expected: &str) {
        check_model(&Model { reads, ..sample.model() }, expected);
    }

    #[test]
    fn what_does_not_fit_the_net_is_refused() {
        let sample = Sample::of(CELLS, Norm::Batch);
        let names = &sample.class_names[..];
        for (mean, std, class_names, expected) in [
            (&[0.5][..], &[0.5; 2][..], names, "1 means of channels, but the net has 2"),
            (&[0.5; 2], &[0.5; 3], names, "3 deviations of channels, but the net has 2"),
            (&[0.5; 2], &[0.5; 2], &[], "0 class names, but the net has 3"),
            (&[0.5; 2], &[0.5, 0.0], names, "channel 1 cannot be normalized"),
            (&[f32::NAN, 0.0], &[0.5; 2], names, "channel 0 cannot be normalized"),
        ] {
            let reads = Reads::Images { mean, std, deep: [0, 1], class_names };
            check_reads(&sample, reads, expected);
        }
        for (sample, key) in [(sample, "deep"), (Sample::of_words(Norm::Batch), "eos")] {
            for key in ["id", key] {
                let mut model = sample.model();
                model.metadata.insert(key.to_owned(), "another".to_owned());
                check_model(&model, &format!("an entry `{key}`"));
            }
        }
    }

    #[test]
    fn a_net_is_written_as_one_that_reads_what_it_reads() {
        let (images, text) = (Sample::of(CELLS, Norm::Batch), Sample::of_words(Norm::Batch));
        check_reads(&images, text.model().reads, "the net reads no words");
        check_reads(&text, images.model().reads, "the net reads words");
    }

    #[test]
    fn a_vocabulary_has_the_words_of_the_net_and_one_that_ends_lines() {
        let sample = Sample::of_words(Norm::Running);
        let words = &sample.class_names[1..];
        check_reads(&sample, Reads::Words { words }, "3 words, but the net has 4");
        let words = &["a", "b", "c", "d"].map(str::to_owned);
        check_reads(&sample, Reads::Words { words }, "lacks the word `<eos>`");
    }

    #[test]
    fn facts_are_read_back_to_the_last_digit() {
        let facts = Sample::of(CELLS, Norm::Batch).model().facts().unwrap();
        assert_eq!(facts["normalization"], r#"{"mean":[0.25,0.1],"std":[0.5,0.3]}"#);
        assert_eq!(facts["deep"], "[1000,2020]");
        assert_eq!(facts["class_names"], r#"["cat","dog","\"; \n\\ é"]"#);
        let arch = CELLS.parse::<Arch>().unwrap().to_string();
        assert_eq!((&facts["arch"], facts["score"].as_str()), (&arch, "0.9"));
        assert!(facts["batch_normalization"].contains("of a batch"));
        let facts = Sample::of(CELLS, Norm::Running).model().facts().unwrap();
        assert_eq!(facts["batch_normalization"], "by running statistics");
        let facts = Sample::of_words(Norm::Running).model().facts().unwrap();
        assert_eq!(facts["vocabulary"], r#"["\"; \\ é","<eos>","a","the"]"#);
        assert_eq!((facts["eos"].as_str(), facts["id"].as_str()), ("<eos>", "m2-0"));
        assert_eq!(facts["arch"], RECURRENT.parse::<Arch>().unwrap().to_string());
        assert!(["class_names", "batch_normalization"].iter().all(|key| !facts.contains_key(*key)));
    }
}
