//! How parameters lie in the device's flat memory, and how they go there and back.
//!
//! | parameter | on the host | on the device |
//! | --- | --- | --- |
//! | of a product | (outputs, inputs, taps…) | (taps, inputs, outputs) |
//! | depthwise | (channels, rows, columns) | (taps, channels) |
//! | scale, offset | (channels) | (channels) |
//!
//! Inputs, outputs and channels are padded with zeros to a multiple of four, and every parameter
//! begins a line of the memory.

use std::collections::BTreeMap;

use candle_core::{Result, bail};

use crate::engine::cuda_exec::arena::Arena;
use crate::engine::cuda_exec::ops::{At, Region};

/// The next multiple of four.
pub(super) const fn padded(channels: usize) -> usize {
    channels.next_multiple_of(4)
}

/// Where a parameter lies, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Packing {
    offset: usize,
    /// Taps, inputs and outputs; what has none of one has one.
    sides: [usize; 3],
    /// Inputs with their padding.
    rows: usize,
}

/// Where parameters lie.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Layout {
    packings: BTreeMap<String, Packing>,
    len: usize,
}

impl Packing {
    fn new(offset: usize, dims: &[usize]) -> Result<Self> {
        let (sides, rows) = match *dims {
            [channels] => ([1, 1, channels], 1),
            [outputs, inputs] => ([1, inputs, outputs], padded(inputs)),
            [channels, rows, columns] => ([rows * columns, 1, channels], 1),
            [outputs, inputs, rows, columns] => ([rows * columns, inputs, outputs], padded(inputs)),
            _ => bail!("a parameter of the sides {dims:?} is of no layer of a net of images"),
        };
        Ok(Self { offset, sides, rows })
    }

    /// Floats of it.
    pub(super) const fn len(&self) -> usize {
        self.sides[0] * self.rows * padded(self.sides[2])
    }

    /// Every number's place on the device, with its place on the host.
    fn places(self) -> impl Iterator<Item = (usize, usize)> {
        let ([taps, inputs, outputs], row) = (self.sides, padded(self.sides[2]));
        (0..outputs * inputs * taps).map(move |host| {
            let (tap, input) = (host % taps, host / taps % inputs);
            let output = host / taps / inputs;
            (self.offset + (tap * self.rows + input) * row + output, host)
        })
    }
}

impl Layout {
    /// Of parameters with these names and sides.
    pub(super) fn new<'a>(
        params: impl IntoIterator<Item = (&'a str, &'a [usize])>,
    ) -> Result<Self> {
        let (mut arena, mut packings) = (Arena::default(), BTreeMap::new());
        for (name, dims) in params {
            let packing = Packing::new(0, dims)?;
            let offset = arena.take(packing.len());
            packings.insert(name.to_owned(), Packing { offset, ..packing });
        }
        Ok(Self { packings, len: arena.len() })
    }

    /// Floats of all.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// How the parameter `name` lies.
    pub(super) fn packing(&self, name: &str) -> Result<Packing> {
        match self.packings.get(name) {
            Some(packing) => Ok(*packing),
            None => bail!("there is no parameter `{name}`"),
        }
    }

    /// Where the parameter `name` lies.
    pub(super) fn weight(&self, name: &str) -> Result<At> {
        Ok(At::new(Region::Weights, self.packing(name)?.offset))
    }

    /// Where its gradient lies.
    pub(super) fn grad(&self, name: &str) -> Result<At> {
        Ok(At::new(Region::Found, self.packing(name)?.offset))
    }

    /// Puts a parameter's numbers where the device wants them.
    pub(super) fn pack(&self, name: &str, host: &[f32], device: &mut [f32]) -> Result<()> {
        let packing = self.packing(name)?;
        if host.len() != packing.sides.iter().product::<usize>() {
            bail!("`{name}` has {} numbers, not those of {:?}", host.len(), packing.sides);
        }
        packing.places().for_each(|(to, from)| device[to] = host[from]);
        Ok(())
    }

    /// Takes a parameter's numbers, or its gradient's, from where the device has them.
    pub(super) fn unpack(&self, name: &str, device: &[f32], host: &mut [f32]) -> Result<()> {
        let packing = self.packing(name)?;
        if host.len() != packing.sides.iter().product::<usize>() {
            bail!("`{name}` has {} numbers, not those of {:?}", host.len(), packing.sides);
        }
        packing.places().for_each(|(from, to)| host[to] = device[from]);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_padded_turned_and_comes_back() {
        let dims: [(&str, &[usize]); 4] =
            [("a", &[3, 2, 1, 2]), ("b", &[5]), ("c", &[3, 3, 3]), ("d", &[2, 3])];
        let layout = Layout::new(dims).unwrap();
        let mut device = vec![0.0; layout.len()];
        let numbers = |n: usize| -> Vec<f32> { (1..=n).map(|i| i as f32).collect() };
        for (name, dims) in dims {
            let host = numbers(dims.iter().product());
            layout.pack(name, &host, &mut device).unwrap();
            let mut back = vec![0.0; host.len()];
            layout.unpack(name, &device, &mut back).unwrap();
            assert_eq!(back, host, "{name}");
        }
        // (output, input, tap): 1 2 | 3 4 | 5 6 ... of two inputs and two taps, three outputs.
        assert_eq!(device[..8], [1.0, 5.0, 9.0, 0.0, 3.0, 7.0, 11.0, 0.0]);
        // Two inputs more stand for none, before the other tap.
        assert_eq!(device[8..20], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 2.0, 6.0, 10.0, 0.0]);
        assert!(layout.pack("a", &[0.0], &mut device).is_err());
        assert!(layout.weight("e").is_err());
    }
}
