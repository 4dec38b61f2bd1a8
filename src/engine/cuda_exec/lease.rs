//! A stream with memory of its own, on which one pass runs at a time.

use std::sync::Arc;

use candle_core::Result;

use crate::engine::cuda_exec::driver::{Gpu, Memory, Stream};
use crate::engine::cuda_exec::ops::{REGIONS, Region};
use crate::engine::cuda_exec::program::Program;

/// Bytes that drivers give memory out by.
const PAGE: u64 = 2 << 20;

/// Bytes of the device's memory that regions of so many numbers take.
pub(super) fn bytes(lens: &[usize; REGIONS]) -> u64 {
    lens.iter().map(|&floats| (4 * floats as u64).next_multiple_of(PAGE)).sum()
}

/// A stream, memory, and what goes there and back.
#[derive(Debug)]
pub(super) struct Lease {
    gpu: Arc<Gpu>,
    stream: Stream,
    regions: [Memory; REGIONS],
    pub(super) weights: Vec<f32>,
    pub(super) given: Vec<f32>,
    pub(super) found: Vec<f32>,
}

impl Lease {
    pub(super) fn new(gpu: &Arc<Gpu>) -> Result<Self> {
        let none = || Memory::new(gpu, 1);
        Ok(Self {
            gpu: gpu.clone(),
            stream: Stream::new(gpu)?,
            regions: [none()?, none()?, none()?, none()?, none()?],
            weights: Vec::new(),
            given: Vec::new(),
            found: Vec::new(),
        })
    }

    /// Makes room on the device for a pass over regions of so many numbers.
    pub(super) fn grow(&mut self, lens: &[usize; REGIONS]) -> Result<()> {
        for (region, &wanted) in self.regions.iter_mut().zip(lens) {
            if region.len() < wanted {
                // What was there goes first.
                *region = Memory::new(&self.gpu, 1)?;
                *region = Memory::new(&self.gpu, wanted)?;
            }
        }
        Ok(())
    }

    /// Makes room for a pass, here and on the device.
    pub(super) fn prepare(&mut self, program: &Program) -> Result<()> {
        self.grow(&program.lens)?;
        let len = |region: Region| program.lens[region as usize];
        self.weights.clear();
        self.weights.resize(len(Region::Weights), 0.0);
        self.given.clear();
        self.given.resize(len(Region::Given), 0.0);
        self.found.resize(len(Region::Found), 0.0);
        Ok(())
    }

    /// Runs a pass on what is given, and waits for what it finds.
    pub(super) fn run(&mut self, program: &Program) -> Result<()> {
        let [_, weights, found, given, table] = &self.regions;
        self.stream.upload(&self.weights, weights)?;
        self.stream.upload(&self.given, given)?;
        self.stream.upload(bytemuck::cast_slice(&program.table), table)?;
        for launch in &program.launches {
            self.stream.launch(launch, &self.regions)?;
        }
        self.stream.download(found, 0, &mut self.found)?;
        Ok(())
    }
}
