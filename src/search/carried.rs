//! The states that nets of words carry from one window of text to the next.

use candle_core::{Device, Tensor};

use crate::data::{Batch, WordBatch};
use crate::engine::{self, Images, Snapshot, Words};
use crate::search::SearchError;

/// The states of nets that walk along a text side by side, each at its place; nets of images have
/// none.
#[derive(Clone, Debug, Default)]
pub(super) struct Carried(Vec<Vec<f32>>);

impl Carried {
    /// The states that [`Carried::snapshot`] gave.
    pub(super) fn new(snapshot: &Snapshot) -> Result<Self, SearchError> {
        let states = (0..snapshot.len()).map(|place| match snapshot.get(&place.to_string()) {
            Some(states) => Ok(states.to_vec1()?),
            None => candle_core::bail!("there are no states of net {place}"),
        });
        Ok(Self(states.collect::<candle_core::Result<_>>()?))
    }

    /// The states by the number of the net, each `(rows · H)`.
    pub(super) fn snapshot(&self) -> Result<Snapshot, SearchError> {
        let states = self.0.iter().enumerate();
        let tensors = states.map(|(place, states)| {
            Ok((place.to_string(), Tensor::new(states.as_slice(), &Device::Cpu)?))
        });
        Ok(tensors.collect::<candle_core::Result<_>>()?)
    }

    /// What the net at `place` reads of `batch`. States that are no numbers begin again at zero.
    pub(super) fn batch<'a>(&'a mut self, place: usize, batch: &'a Batch) -> engine::Batch<'a> {
        match batch {
            Batch::Images(batch) => Images { values: &batch.images, labels: &batch.labels }.into(),
            Batch::Words(batch) => self.window(place, batch),
        }
    }

    /// The same of a window of text.
    pub(super) fn window<'a>(
        &'a mut self,
        place: usize,
        batch: &'a WordBatch,
    ) -> engine::Batch<'a> {
        if self.0.len() <= place {
            self.0.resize_with(place + 1, Vec::new);
        }
        let carried = &mut self.0[place];
        if batch.begins || !carried.iter().all(|state| state.is_finite()) {
            carried.clear();
        }
        Words { ids: &batch.ids, next: &batch.next, rows: batch.rows, carried }.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(begins: bool) -> WordBatch {
        WordBatch { ids: vec![0; 6], next: vec![1; 6], rows: 2, begins, share: 1.0 }
    }

    /// The states that the net at `place` sees before a window.
    fn seen(carried: &mut Carried, place: usize, begins: bool) -> Vec<f32> {
        match carried.window(place, &window(begins)) {
            engine::Batch::Words(words) => words.carried.clone(),
            engine::Batch::Images(_) => Vec::new(),
        }
    }

    #[test]
    fn each_net_has_states_of_its_own_that_end_where_a_text_begins() {
        let mut carried = Carried::default();
        assert_eq!(seen(&mut carried, 1, true), [0.0; 0]);
        carried.0[1] = vec![1.0, 2.0];
        assert_eq!(seen(&mut carried, 0, false), [0.0; 0]);
        assert_eq!(seen(&mut carried, 1, false), [1.0, 2.0]);
        let mut again = Carried::new(&carried.snapshot().unwrap()).unwrap();
        assert_eq!(seen(&mut again, 1, false), [1.0, 2.0]);
        assert_eq!(seen(&mut carried, 1, true), [0.0; 0]);
    }

    #[test]
    fn states_that_are_no_numbers_begin_again() {
        let mut carried = Carried(vec![vec![1.0, f32::NAN]]);
        assert_eq!(seen(&mut carried, 0, false), [0.0; 0]);
    }
}
