//! Memory that outlives a step: after the first step of a shape nothing is allocated for it.

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};

use bytemuck::Pod;

use crate::engine::kernel::Lanes;

/// Buffers that wait for their next use, by length.
#[derive(Debug, Default)]
pub(super) struct Buffers(Mutex<BTreeMap<usize, Vec<Vec<Lanes>>>>);

impl Buffers {
    /// A buffer of `len` values, which hold whatever its last use left.
    pub(super) fn take(self: &Arc<Self>, len: usize) -> Buffer {
        let waiting = self.lock().get_mut(&len).and_then(Vec::pop);
        let values = waiting.unwrap_or_else(|| vec![Lanes::default(); len]);
        Buffer { values, home: self.clone() }
    }

    /// `len` plain numbers, which are whatever their last use left.
    pub(super) fn numbers<T: Pod>(self: &Arc<Self>, len: usize) -> Numbers<T> {
        // Few lengths, so that one layer's numbers serve the next one.
        let lanes = (len * size_of::<T>()).div_ceil(size_of::<Lanes>()).next_power_of_two();
        Numbers { buffer: self.take(lanes), len, of: PhantomData }
    }

    /// `len` times `value`.
    pub(super) fn filled<T: Pod>(self: &Arc<Self>, len: usize, value: T) -> Numbers<T> {
        let mut numbers = self.numbers(len);
        numbers.fill(value);
        numbers
    }

    /// As many numbers as `values` has.
    pub(super) fn collect<T: Pod>(
        self: &Arc<Self>,
        values: impl ExactSizeIterator<Item = T>,
    ) -> Numbers<T> {
        let mut numbers = self.numbers(values.len());
        numbers.iter_mut().zip(values).for_each(|(number, value)| *number = value);
        numbers
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<usize, Vec<Vec<Lanes>>>> {
        // A panic elsewhere leaves the lists whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A buffer on loan; it goes back when dropped.
#[derive(Debug)]
pub(super) struct Buffer {
    values: Vec<Lanes>,
    home: Arc<Buffers>,
}

impl Deref for Buffer {
    type Target = [Lanes];

    fn deref(&self) -> &[Lanes] {
        &self.values
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [Lanes] {
        &mut self.values
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let values = std::mem::take(&mut self.values);
        self.home.lock().entry(values.len()).or_default().push(values);
    }
}

/// Numbers in a buffer on loan.
#[derive(Debug)]
pub(super) struct Numbers<T> {
    buffer: Buffer,
    len: usize,
    of: PhantomData<T>,
}

impl<T: Pod> Deref for Numbers<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        let bytes: &[u8] = bytemuck::cast_slice(&self.buffer);
        bytemuck::cast_slice(&bytes[..self.len * size_of::<T>()])
    }
}

impl<T: Pod> DerefMut for Numbers<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        let bytes: &mut [u8] = bytemuck::cast_slice_mut(&mut self.buffer);
        bytemuck::cast_slice_mut(&mut bytes[..self.len * size_of::<T>()])
    }
}

#[cfg(test)]
impl Buffers {
    /// Fills every waiting buffer with what is no number.
    pub(super) fn spoil(&self) {
        self.lock().values_mut().flatten().for_each(|values| values.fill(Lanes::splat(f32::NAN)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_comes_back_to_the_next_who_asks_for_its_length() {
        let buffers = Arc::new(Buffers::default());
        let mut first = buffers.take(3);
        first[1] = Lanes::splat(7.0);
        assert_eq!(buffers.take(3)[1], Lanes::splat(0.0), "the first is still on loan");
        let place = first.as_ptr();
        drop(first);
        assert_ne!(buffers.take(4).as_ptr(), place);
        let again = [buffers.take(3), buffers.take(3)];
        assert!(again.iter().any(|buffer| buffer.as_ptr() == place));
    }

    #[test]
    fn numbers_are_as_many_as_asked_for() {
        let buffers = Arc::new(Buffers::default());
        let mut numbers = buffers.filled(17, [1.0_f32, 2.0, 3.0]);
        numbers[16] = [3.0, 4.0, 5.0];
        assert_eq!(numbers.len(), 17);
        assert_eq!(*buffers.collect([5.0_f32, 6.0].into_iter()), [5.0, 6.0]);
        let place = numbers.as_ptr().addr();
        drop(numbers);
        assert_eq!(buffers.numbers::<f32>(60).as_ptr().addr(), place, "of the same class");
    }
}
