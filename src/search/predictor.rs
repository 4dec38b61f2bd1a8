//! A trained net that classifies images from outside.
//!
//! ```text
//! file ─ fitted to the training images' shape ─ (x / 255 − mean) / std
//!      ─ net, with its running statistics ─ softmax ─ the most likely classes
//! ```

use std::sync::Arc;

use crate::data::{ImageFault, ImageLabels, Normalization};
use crate::engine::{Executor, Images, Snapshot};
use crate::net::Net;
use crate::search::SearchError;
use crate::search::softmax::{likeliest, softmax};

/// Images that the net is run on at once: enough to keep the cores busy.
const AT_ONCE: usize = 64;

/// A net that stands alone, with all that it takes to show it images.
#[derive(Clone, Debug)]
pub struct Predictor {
    net: Net,
    /// Parameters and running statistics, by name. Invariant: all that a forward pass reads, with
    /// the sides that it reads.
    weights: Snapshot,
    /// Invariant: of the net's images and classes.
    labels: ImageLabels,
    normalization: Normalization,
    exec: Arc<dyn Executor>,
}

/// A class, and how likely it is.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassProbability {
    /// Its name.
    pub class: String,
    /// The softmax of its logit: 0 to 1, and 1 over all classes.
    pub probability: f64,
}

/// Why an image could not be classified. The text goes on after the file's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PredictFault {
    /// It cannot be read.
    #[error(transparent)]
    Image(#[from] ImageFault),
    /// A logit is infinite or not a number.
    #[error(
        "is answered with logits that are no numbers: the weights of the net are spoilt, so take \
         those of another one"
    )]
    NotANumber,
}

/// The most likely classes of an image, the likeliest first, or why there are none.
pub type Prediction = Result<Vec<ClassProbability>, PredictFault>;

impl Predictor {
    /// The predictor of `net` with `weights`, which are its parameters and its running statistics
    /// by the engine's names, that was trained on what `labels` tell. What does not fit is refused.
    pub fn new(
        net: Net,
        weights: &Snapshot,
        labels: ImageLabels,
        exec: Arc<dyn Executor>,
    ) -> Result<Self, SearchError> {
        let weights = read_by(&net, weights, exec.as_ref())?;
        let image = net.image;
        let channels = labels.image[0];
        let classes = net.layers[net.logits - 1].output.channels;
        for (what, found, expected) in [
            ("channels", channels, image.channels),
            ("rows", labels.image[1], image.height),
            ("columns", labels.image[2], image.width),
            ("class names", labels.class_names.len(), classes),
            ("means of channels", labels.normalization.mean.len(), channels),
            ("deviations of channels", labels.normalization.std.len(), channels),
        ] {
            if found != expected {
                return Err(SearchError::Labels { what, found, expected });
            }
        }
        Ok(Self { net, weights, normalization: labels.normalization(), labels, exec })
    }

    /// The `top` most likely classes of each image; `images` are image files. One that cannot be
    /// read leaves the others as they are.
    pub fn predict(
        &self,
        images: &[impl AsRef<[u8]>],
        top: usize,
    ) -> Result<Vec<Prediction>, SearchError> {
        let mut predictions = Vec::with_capacity(images.len());
        for images in images.chunks(AT_ONCE) {
            let mut values = Vec::new();
            let faults: Vec<Option<ImageFault>> = images
                .iter()
                // One by one: an image may take hundreds of megabytes until it is small.
                .map(|image| match self.labels.pixels(image.as_ref()) {
                    Ok(pixels) => {
                        self.normalization.append(&pixels, &mut values);
                        None
                    }
                    Err(fault) => Some(fault),
                })
                .collect();
            let mut logits = self.logits(&values)?.into_iter();
            predictions.extend(faults.into_iter().map(|fault| match fault {
                Some(fault) => Err(fault.into()),
                None => self.named(&logits.next().unwrap_or_default(), top),
            }));
        }
        Ok(predictions)
    }

    /// The logits of each image; `values` are `(n, c, h, w)`, standardized.
    fn logits(&self, values: &[f32]) -> Result<Vec<Vec<f32>>, SearchError> {
        // The engine runs on one image or more.
        if values.is_empty() {
            return Ok(Vec::new());
        }
        let labels = vec![0; values.len() / self.net.image.n_values()];
        let images = Images { values, labels: &labels };
        let logits =
            self.exec.logits(&self.net, &self.weights, images.into(), Some(&self.weights))?;
        let rows = logits.to_dtype(candle_core::DType::F32)?;
        // The rows of a head are `(n, classes)` or, of some executors, with planes of one cell.
        let rows = rows.flatten_all()?.to_vec1::<f32>()?;
        Ok(rows.chunks_exact(self.labels.class_names.len()).map(<[f32]>::to_vec).collect())
    }

    fn named(&self, logits: &[f32], top: usize) -> Prediction {
        let probabilities = softmax(logits).ok_or(PredictFault::NotANumber)?;
        let names = &self.labels.class_names;
        let classes = likeliest(&probabilities, top).into_iter();
        let classes = classes.map(|(class, probability)| ClassProbability {
            class: names[class].clone(),
            probability,
        });
        Ok(classes.collect())
    }
}

/// What a forward pass of `net` reads of `weights`, where `exec` reads it.
pub(super) fn read_by(
    net: &Net,
    weights: &Snapshot,
    exec: &dyn Executor,
) -> Result<Snapshot, SearchError> {
    let mut read = Snapshot::new();
    let params = net.evaluated().flat_map(|(_, layer)| layer.params());
    let params = params.map(|(name, spec)| (name, spec.dims));
    let statistics = net.statistics().map(|(name, channels)| (name, vec![channels]));
    for (name, expected) in params.chain(statistics) {
        match weights.get(&name) {
            Some(tensor) if tensor.dims() == expected => {
                read.insert(name, tensor.to_device(exec.device())?.contiguous()?);
            }
            other => {
                let found = other.map(|tensor| tensor.dims().to_vec());
                return Err(SearchError::Weight { name, found, expected });
            }
        }
    }
    Ok(read)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use candle_core::{Device, Tensor};
    use image::{DynamicImage, GrayImage, ImageFormat, Luma};

    use super::*;
    use crate::data::Statistics;
    use crate::engine::{ExecutorChoice, initial_values};
    use crate::net::{Input, NetConfig, Shape, family};
    use crate::random::{Owner, generator};
    use crate::space::Arch;

    const ARCH: &str = "normal=[identity(0)+sep_conv_3x3(1), identity(0)+max_pool_3x3(1)] \
                        reduction=[sep_conv_5x5(0)+identity(1), avg_pool_3x3(0)+identity(2)]";

    fn net() -> Net {
        let arch: Arch = ARCH.parse().unwrap();
        let config = NetConfig { layers: 1, channels: 2, ..NetConfig::default() };
        let shape = Shape { channels: 1, height: 8, width: 8 };
        let family = family(arch.space(), &config, Input::Image { shape, classes: 3 }).unwrap();
        family.standalone(&arch).unwrap()
    }

    /// Drawn parameters, and running statistics as if nothing were normalized.
    fn weights(net: &Net) -> Snapshot {
        let mut weights =
            initial_values(&net.params(), &mut generator(7, Owner::TrialInit, 0)).unwrap();
        for layer in &net.layers {
            let values = [0.0_f32, 1.0]
                .map(|value| Tensor::full(value, layer.output.channels, &Device::Cpu).unwrap());
            weights.extend(layer.statistics().into_iter().flatten().zip(values));
        }
        weights
    }

    fn labels() -> ImageLabels {
        ImageLabels {
            format: ImageLabels::FORMAT,
            class_names: ["ant", "bee", "cat"].map(str::to_owned).to_vec(),
            image: [1, 8, 8],
            normalization: Statistics { mean: vec![0.5], std: vec![0.25] },
            deep: [0, u16::MAX],
        }
    }

    fn predictor(weights: &Snapshot, labels: ImageLabels) -> Result<Predictor, SearchError> {
        let exec = ExecutorChoice::Auto.on_cpu().unwrap();
        Predictor::new(net(), weights, labels, exec)
    }

    fn image(seed: u32) -> Vec<u8> {
        let pixel = |x, y| Luma([(seed.wrapping_mul(97) + x * 31 + y * 57) as u8]);
        let mut bytes = Cursor::new(Vec::new());
        DynamicImage::from(GrayImage::from_fn(8, 8, pixel))
            .write_to(&mut bytes, ImageFormat::Png)
            .unwrap();
        bytes.into_inner()
    }

    /// More images than are run at once, one of which is none.
    #[test]
    fn each_image_has_the_classes_of_the_net_and_one_that_is_none_leaves_the_others() {
        let (net, labels) = (net(), labels());
        let weights = weights(&net);
        let predictor = predictor(&weights, labels.clone()).unwrap();
        let mut images: Vec<Vec<u8>> = (0..70).map(image).collect();
        images[65] = b"no image".to_vec();
        let found = predictor.predict(&images, 2).unwrap();
        assert_eq!(found.len(), images.len());
        let fault = found[65].clone().unwrap_err().to_string();
        assert!(fault.starts_with("is text, and no image"), "{fault}");
        for at in [0, 63, 64, 66, 69] {
            let mut values = Vec::new();
            labels.normalization().append(&labels.pixels(&images[at]).unwrap(), &mut values);
            let alone = Images { values: &values, labels: &[0] };
            let exec = ExecutorChoice::Candle.on_cpu().unwrap();
            let logits = exec.logits(&net, &weights, alone.into(), Some(&weights)).unwrap();
            let logits: Vec<f32> = logits.flatten_all().unwrap().to_vec1().unwrap();
            let expected = softmax(&logits).unwrap();
            let classes = found[at].as_ref().unwrap();
            assert_eq!(classes.len(), 2);
            assert!(classes[1].probability <= classes[0].probability);
            for ClassProbability { class, probability } in classes {
                let place = labels.class_names.iter().position(|name| name == class).unwrap();
                assert!((probability - expected[place]).abs() < 1e-4, "{at}: {expected:?}");
            }
        }
        assert!(predictor.predict(&Vec::<Vec<u8>>::new(), 2).unwrap().is_empty());
    }

    #[test]
    fn what_does_not_belong_together_is_refused() {
        let whole = weights(&net());
        let refused = |weights: &Snapshot, labels| {
            predictor(weights, labels).map(|_| ()).unwrap_err().to_string()
        };
        // The auxiliary head is not run.
        let is_run = |name: &&String| name.ends_with(".variance") && !name.starts_with("aux");
        let name = whole.keys().find(is_run).unwrap().clone();
        let mut lacking = whole.clone();
        lacking.remove(&name);
        assert!(refused(&lacking, labels()).contains(&format!("`{name}`")));
        lacking.insert(
            name.clone(),
            Tensor::zeros(99, candle_core::DType::F32, &Device::Cpu).unwrap(),
        );
        assert!(refused(&lacking, labels()).contains("[99]"));
        let two = ImageLabels { class_names: vec![String::new(); 2], ..labels() };
        assert!(refused(&whole, two).contains("2 class names"));
        let wide = ImageLabels { image: [1, 8, 9], ..labels() };
        assert!(refused(&whole, wide).contains("9 columns"));
    }

    #[test]
    fn spoilt_weights_are_told_of_each_image() {
        let mut spoilt = weights(&net());
        for tensor in spoilt.values_mut() {
            *tensor = tensor.affine(f64::NAN, 0.0).unwrap();
        }
        let predictor = predictor(&spoilt, labels()).unwrap();
        let found = predictor.predict(&[image(0), image(1)], 1).unwrap();
        assert_eq!(found, [Err(PredictFault::NotANumber), Err(PredictFault::NotANumber)]);
    }
}
