//! The CUDA executor: own kernels and hand-written gradients on a GPU.
//!
//! It computes what [`CpuExec`](crate::engine::CpuExec) computes, in f32 with sums over the batch in
//! f64, in an order that depends on no device and on no number of children at once.

mod arena;
mod backward;
mod build;
mod driver;
mod forward;
mod layout;
mod lease;
mod ops;
mod product_grads;
mod products;
mod program;
mod stage;
mod tests;

use std::io::Read;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use candle_core::{Device, Result, Tensor, bail};
use flate2::read::GzDecoder;

pub use driver::GpuError;

use crate::engine::cuda_exec::driver::Gpu;
use crate::engine::cuda_exec::layout::Layout;
use crate::engine::cuda_exec::lease::Lease;
use crate::engine::cuda_exec::ops::REGIONS;
use crate::engine::cuda_exec::program::{Mode, Program};
use crate::engine::executor::{Batch, Executor, Gradients, Images, Measured, measured};
use crate::engine::{Noise, Params, Snapshot, floats};
use crate::net::{Net, Norm};

/// The kernels, as PTX for devices of compute capability 8.0 and later.
const KERNELS: &[u8] = include_bytes!("kernels/kernels.ptx.gz");

/// Counted up with each change of the kernels that changes bits: no search goes on with another.
const ARITHMETIC: u32 = 1;

/// Programs that are kept: those of the nets that were run last.
const PROGRAMS: usize = 16;

/// Runs nets that read images on a GPU.
#[derive(Clone, Debug)]
pub struct CudaExec {
    gpu: Arc<Gpu>,
    programs: Arc<Mutex<Vec<Arc<Ready>>>>,
    kept: Arc<Mutex<Kept>>,
}

/// Memory on the device that no pass uses.
#[derive(Debug, Default)]
struct Kept {
    leases: Vec<Lease>,
    /// Numbers in the regions of those that were reserved.
    reserved: Vec<[usize; REGIONS]>,
    /// Whether memory is given back once its pass is over.
    rests: bool,
}

/// A program, and where parameters lie for it.
#[derive(Debug)]
struct Ready {
    program: Program,
    layout: Layout,
}

impl Ready {
    fn new(net: &Net, mode: Mode, images: usize) -> Result<Self> {
        let params = net.params();
        let dims = params.iter().map(|(name, spec)| (name.as_str(), spec.dims.as_slice()));
        let layout = Layout::new(dims)?;
        let program = build::program(net, mode, images, &layout)?;
        Ok(Self { program, layout })
    }
}

/// A training step, which takes more than any other pass.
fn step(net: &Net, images: usize) -> Result<Ready> {
    Ready::new(net, Mode::TrainDropping, images)
}

/// Regions in which a step of any of `nets` has room, with batches of `most` images at most. All leases
/// are of one make, for nobody says which of them a pass gets.
fn room(nets: &[(&Net, usize)], most: usize) -> Result<[usize; REGIONS]> {
    let mut room = [0; REGIONS];
    for &(net, images) in nets {
        let lens = step(net, images.min(most))?.program.lens;
        room = std::array::from_fn(|region| room[region].max(lens[region]));
    }
    Ok(room)
}

/// The largest batch of fewer than so many images with which steps of `nets` side by side fit in `free`
/// bytes.
fn fitting(nets: &[(&Net, usize)], images: usize, free: u64) -> Result<usize> {
    let (mut fits, mut too_many) = (0, images);
    while fits + 1 < too_many {
        let tried = fits.midpoint(too_many);
        let bytes = nets.len() as u64 * lease::bytes(&room(nets, tried)?);
        if bytes <= free { fits = tried } else { too_many = tried }
    }
    Ok(fits)
}

/// Where a pass has its parameters from.
#[derive(Clone, Copy)]
enum Weights<'a> {
    Params(&'a Params),
    Snapshot(&'a Snapshot),
}

impl Weights<'_> {
    fn read<T>(&self, name: &str, read: impl FnOnce(&[f32]) -> T) -> Result<T> {
        let tensor: &Tensor = match self {
            Self::Params(params) => params.get(name)?,
            Self::Snapshot(snapshot) => match snapshot.get(name) {
                Some(tensor) => tensor,
                None => bail!("there is no parameter `{name}`"),
            },
        };
        floats::read(tensor, read)
    }
}

impl CudaExec {
    /// An executor on the device with this number.
    pub fn open(number: usize) -> std::result::Result<Self, GpuError> {
        let mut ptx = String::new();
        let unpacked = GzDecoder::new(KERNELS).read_to_string(&mut ptx);
        unpacked.map_err(|error| GpuError::Driver {
            what: "unpacking the kernels",
            why: error.to_string(),
        })?;
        let gpu = Gpu::open(number, &ptx)?;
        Ok(Self { gpu, programs: Arc::default(), kept: Arc::default() })
    }

    /// The net made ready for so many images.
    fn ready(&self, net: &Net, mode: Mode, images: usize) -> Result<Arc<Ready>> {
        let lock = || self.programs.lock().unwrap_or_else(PoisonError::into_inner);
        let is_it = |ready: &Arc<Ready>| {
            let Program { mode: of, images: n, net: known, .. } = &ready.program;
            (*of, *n) == (mode, images) && *known == *net
        };
        if let Some(ready) = lock().iter().find(|ready| is_it(ready)) {
            return Ok(ready.clone());
        }
        let ready = Arc::new(Ready::new(net, mode, images)?);
        let mut programs = lock();
        if programs.len() == PROGRAMS {
            programs.remove(0);
        }
        programs.push(ready.clone());
        Ok(ready)
    }

    /// Runs a pass, and has `read` read what it found.
    fn run<T>(
        &self,
        ready: &Ready,
        (weights, images): (Weights<'_>, Images<'_>),
        (noise, running): (Option<Noise<'_>>, Option<&Snapshot>),
        read: impl FnOnce(&[f32]) -> Result<T>,
    ) -> Result<T> {
        let Ready { program, layout } = ready;
        let kept = self.kept().leases.pop();
        let mut lease = match kept {
            Some(lease) => lease,
            None => Lease::new(&self.gpu)?,
        };
        lease.prepare(program)?;
        for name in program.net.params().keys() {
            let device = &mut lease.weights;
            weights.read(name, |host| layout.pack(name, host, device))??;
        }
        give(program, &mut lease.given, (images, noise, running))?;
        lease.run(program)?;
        let found = read(&lease.found);
        let mut kept = self.kept();
        if !kept.rests {
            kept.leases.push(lease);
        }
        found
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A lease with room for such regions.
    fn lease(&self, lens: &[usize; REGIONS]) -> Result<Lease> {
        let mut lease = Lease::new(&self.gpu)?;
        lease.grow(lens)?;
        Ok(lease)
    }

    fn score<T>(
        &self,
        net: &Net,
        weights: &Snapshot,
        (batch, running): (Batch<'_>, Option<&Snapshot>),
        read: impl FnOnce(&[f32], &[u32]) -> Result<T>,
    ) -> Result<T> {
        let images = images_of(net, batch)?;
        let ready = self.ready(net, Mode::Score, images.labels.len())?;
        let given = (Weights::Snapshot(weights), images);
        self.run(&ready, given, (None, running), |found| {
            read(logits(&ready.program, found), images.labels)
        })
    }
}

/// The images of a batch that fit the net.
fn images_of<'a>(net: &Net, batch: Batch<'a>) -> Result<Images<'a>> {
    let Batch::Images(images) = batch else {
        bail!("the CUDA executor runs nets that read images, and the batch has words")
    };
    let expected = images.labels.len() * net.image.n_values();
    if images.values.len() != expected || expected == 0 {
        bail!("{} values are not {expected}", images.values.len());
    }
    Ok(images)
}

/// Puts down what a pass is given.
fn give(
    program: &Program,
    given: &mut [f32],
    (images, noise, running): (Images<'_>, Option<Noise<'_>>, Option<&Snapshot>),
) -> Result<()> {
    given[..images.values.len()].copy_from_slice(images.values);
    let classes = program.logits.classes;
    for (to, &label) in given[program.labels..].iter_mut().zip(images.labels) {
        if program.mode.is_training() && classes <= label as usize {
            bail!("label {label} is none of {classes} classes");
        }
        *to = f32::from_bits(label);
    }
    if let Some(noise) = noise {
        for mask in &program.masks {
            mask.draw(noise.rng, noise.drop_path, given);
        }
    }
    for moments in &program.running {
        for (place, name) in moments.names.iter().enumerate() {
            let Some(tensor) = running.and_then(|running| running.get(name)) else {
                bail!("there are no running statistics `{name}`")
            };
            let to = &mut given[moments.offset + place * moments.channels..];
            floats::read(tensor, |values| to[..values.len()].copy_from_slice(values))?;
        }
    }
    Ok(())
}

fn logits<'a>(program: &Program, found: &'a [f32]) -> &'a [f32] {
    let logits = program.logits;
    &found[logits.offset..][..program.images * logits.classes]
}

/// The moments that a pass found.
fn moments(program: &Program, found: &[f32]) -> Result<Snapshot> {
    let mut all = Snapshot::new();
    for (moments, layer) in program.found.iter().zip(normed(program)) {
        for (place, name) in moments.names.iter().enumerate() {
            let values = &found[moments.offset + place * moments.channels..][..layer];
            all.insert(name.clone(), Tensor::from_slice(values, layer, &Device::Cpu)?);
        }
    }
    Ok(all)
}

/// The channels of each normalization that a pass finds moments of.
fn normed(program: &Program) -> impl Iterator<Item = usize> {
    let live = program.net.live_layers(program.mode.is_training());
    let layers = program.net.layers.iter().zip(live).filter(|(_, live)| *live);
    layers.filter(|(layer, _)| layer.statistics().is_some()).map(|(layer, _)| layer.output.channels)
}

impl Executor for CudaExec {
    /// What crosses the border lives on the host.
    fn device(&self) -> &Device {
        &Device::Cpu
    }

    fn name(&self) -> String {
        format!("cuda ({})", self.gpu.name())
    }

    /// The kernels fix the order of every sum, whatever the GPU.
    fn arithmetic(&self) -> String {
        format!("cuda (kernels {ARITHMETIC})")
    }

    fn reads_words(&self) -> bool {
        false
    }

    fn memory(&self, net: &Net, images: usize) -> Result<Option<u64>> {
        Ok(Some(lease::bytes(&step(net, images)?.program.lens)))
    }

    fn reserve(&self, nets: &[(&Net, usize)], limit: Option<u64>) -> Result<()> {
        self.rest();
        self.gpu.limit(limit.unwrap_or(u64::MAX));
        let images = nets.iter().map(|&(_, images)| images).max().unwrap_or(0);
        let room = room(nets, images)?;
        let (needed, free) = (nets.len() as u64 * lease::bytes(&room), self.gpu.free()?);
        if free < needed {
            let fits = fitting(nets, images, free)?;
            return Err(GpuError::TooLarge { needed, free, images, fits }.into());
        }
        self.kept().reserved = vec![room; nets.len()];
        self.wake()
    }

    fn rest(&self) {
        let mut kept = self.kept();
        kept.leases.clear();
        kept.rests = true;
    }

    fn wake(&self) -> Result<()> {
        let reserved = self.kept().reserved.clone();
        let leases = reserved.iter().map(|lens| self.lease(lens)).collect::<Result<_>>()?;
        let mut kept = self.kept();
        (kept.leases, kept.rests) = (leases, false);
        Ok(())
    }

    fn train(
        &self,
        net: &Net,
        params: &Params,
        batch: Batch<'_>,
        noise: Noise<'_>,
    ) -> Result<Gradients> {
        let images = images_of(net, batch)?;
        let mode = if 0.0 < noise.drop_path { Mode::TrainDropping } else { Mode::Train };
        let ready = self.ready(net, mode, images.labels.len())?;
        let Ready { program, layout } = &*ready;
        self.run(&ready, (Weights::Params(params), images), (Some(noise), None), |found| {
            let measured = measured(logits(program, found), images.labels);
            let mut grads = Snapshot::new();
            for (name, dims) in &program.grads {
                let mut values = vec![0.0; dims.iter().product()];
                layout.unpack(name, found, &mut values)?;
                let tensor = Tensor::from_vec(values, dims.as_slice(), &Device::Cpu)?;
                grads.insert(name.clone(), tensor);
            }
            Ok(Gradients {
                loss: measured.nll / measured.items as f64,
                correct: measured.correct as usize,
                grads,
                moments: moments(program, found)?,
            })
        })
    }

    fn reuse(&self, _: Gradients) {}

    fn logits(
        &self,
        net: &Net,
        weights: &Snapshot,
        batch: Batch<'_>,
        running: Option<&Snapshot>,
    ) -> Result<Tensor> {
        self.score(net, weights, (batch, running), |logits, labels| {
            let shape = (labels.len(), logits.len() / labels.len());
            Tensor::from_slice(logits, shape, &Device::Cpu)
        })
    }

    fn moments(&self, net: &Net, weights: &Snapshot, images: Images<'_>) -> Result<Snapshot> {
        let net = &net.normed(Norm::Batch);
        let images = images_of(net, images.into())?;
        let ready = self.ready(net, Mode::Moments, images.labels.len())?;
        let given = (Weights::Snapshot(weights), images);
        self.run(&ready, given, (None, None), |found| moments(&ready.program, found))
    }

    fn measure(
        &self,
        net: &Net,
        weights: &Snapshot,
        batch: Batch<'_>,
        running: Option<&Snapshot>,
    ) -> Result<Measured> {
        self.score(net, weights, (batch, running), |logits, labels| Ok(measured(logits, labels)))
    }
}
