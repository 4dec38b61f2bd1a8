//! Memory that outlives a step: after the first step of a shape nothing is allocated for planes.

use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};

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
}
