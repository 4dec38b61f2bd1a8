//! The tied softmax and its cross-entropy, some hundred words at a time, so that the logits of a window
//! are never in memory at once.

use candle_core::Result;
use rayon::iter::{IndexedParallelIterator, ParallelIterator};
use rayon::slice::ParallelSliceMut;

use crate::engine::Measured;
use crate::engine::cpu_exec::words::sums::sums_by_rows;
use crate::engine::cpu_exec::words::workspace::{LOGIT_ROWS, Logits, Size};
use crate::engine::floats;
use crate::engine::kernel::{BAND, Factors, Isa, Panels, Rows, RowsMut, cross_entropy, matmul};

/// Words that a thread works on at a time, at least: E passes by once for all of them.
const TASK_ROWS: usize = 32;

/// What reads the states of a window.
#[derive(Clone, Copy)]
pub(in crate::engine::cpu_exec) struct Softmax<'a> {
    pub(super) isa: Isa,
    pub(super) size: Size,
    /// Panels of E, transposed and as it is.
    pub(super) packed: &'a [Vec<f32>; 2],
    /// What is read, `[band][step][row][H]`.
    pub(super) read: &'a [f32],
    /// The next words, step by step.
    pub(super) next: &'a [u32],
}

/// Where gradients go.
pub(in crate::engine::cpu_exec) struct Target<'a> {
    /// Of what is read.
    pub(super) grads: &'a mut [f32],
    /// Of E: they are added.
    pub(super) embedding: &'a candle_core::Tensor,
    pub(super) scratch: &'a mut Vec<f32>,
}

impl Softmax<'_> {
    /// The word that follows word number `place` of what is read; none where the row fills up a band.
    fn label(&self, place: usize) -> Option<usize> {
        let Size { steps, rows, .. } = self.size;
        let (band, step) = (place / BAND / steps, place / BAND % steps);
        let row = band * BAND + place % BAND;
        (row < rows).then(|| self.next[step * rows + row] as usize)
    }

    /// Words of a block of `rows` that a thread works on at a time. No result depends on it.
    fn task_rows(rows: usize) -> usize {
        let share = rows.div_ceil(rayon::current_num_threads());
        share.next_multiple_of(BAND).max(TASK_ROWS)
    }

    fn panels(&self) -> Panels<'_> {
        Panels::packed([self.size.hidden, self.size.vocabulary], &self.packed[0])
    }

    /// What the net has right, and where there is a target the gradients of its mean cross-entropy.
    pub(in crate::engine::cpu_exec) fn measure(
        &self,
        logits: &mut Logits,
        mut target: Option<Target<'_>>,
    ) -> Result<Measured> {
        let Size { hidden, vocabulary, .. } = self.size;
        let mut measured = Measured { items: self.next.len() as u64, ..Measured::default() };
        for first in (0..self.size.words()).step_by(LOGIT_ROWS) {
            let n = LOGIT_ROWS.min(self.size.words() - first);
            logits.fit(n, vocabulary);
            self.rows(first, logits);
            measured.nll += logits.nll.iter().sum::<f64>();
            measured.correct += logits.right.iter().filter(|right| **right).count() as u64;
            if let Some(Target { grads, embedding, scratch }) = &mut target {
                let logits = &logits.values[..];
                let back = Panels::packed([vocabulary, hidden], &self.packed[1]);
                let grads = &mut grads[first * hidden..][..n * hidden];
                let task_rows = Self::task_rows(n);
                grads.par_chunks_mut(task_rows * hidden).enumerate().for_each(|(task, grads)| {
                    let rows = grads.len() / hidden;
                    let logits = &logits[task * task_rows * vocabulary..];
                    let grads = RowsMut::apart(hidden, grads);
                    matmul(self.isa, Rows::apart(vocabulary, logits), back, grads, (rows, false));
                });
                let read = (&self.read[first * hidden..], hidden);
                let factors = Factors { xs: (logits, vocabulary), ys: read, rows: n };
                floats::write_with(embedding, &mut **scratch, |sums, scratch| {
                    sums_by_rows(self.isa, factors, [vocabulary, hidden], sums, scratch);
                })?;
            }
        }
        Ok(measured)
    }

    /// Measures a block of words; its logits become the gradients of the mean cross-entropy.
    fn rows(&self, first: usize, logits: &mut Logits) {
        let Size { hidden, vocabulary, .. } = self.size;
        let scale = 1.0 / self.next.len() as f32;
        let Logits { values, nll, right } = logits;
        let task_rows = Self::task_rows(nll.len());
        let tasks = values.par_chunks_mut(task_rows * vocabulary);
        let tasks = tasks.zip(nll.par_chunks_mut(task_rows)).zip(right.par_chunks_mut(task_rows));
        tasks.enumerate().for_each(|(task, ((values, nll), right))| {
            let first = first + task * task_rows;
            let read = Rows::apart(hidden, &self.read[first * hidden..]);
            let logits = RowsMut::apart(vocabulary, values);
            matmul(self.isa, read, self.panels(), logits, (nll.len(), false));
            let rows = values.chunks_exact_mut(vocabulary).zip(nll).zip(right);
            for (place, ((row, nll), right)) in rows.enumerate() {
                if let Some(label) = self.label(first + place) {
                    let answer = cross_entropy(self.isa, row, label, scale);
                    (*nll, *right) = (answer.nll, answer.is_right);
                } else {
                    row.fill(0.0);
                    (*nll, *right) = (0.0, false);
                }
            }
        });
    }

    /// The logits of all words, `(words, vocabulary)`, step by step.
    pub(in crate::engine::cpu_exec) fn logits(&self) -> Vec<f32> {
        let Size { hidden, vocabulary, steps, rows, .. } = self.size;
        let mut all = vec![0.0; self.next.len() * vocabulary];
        all.par_chunks_mut(vocabulary).enumerate().for_each(|(word, logits)| {
            let (step, row) = (word / rows, word % rows);
            let place = (row / BAND * steps + step) * BAND + row % BAND;
            let read = Rows::apart(hidden, &self.read[place * hidden..]);
            matmul(self.isa, read, self.panels(), RowsMut::apart(vocabulary, logits), (1, false));
        });
        all
    }
}

impl Logits {
    fn fit(&mut self, rows: usize, vocabulary: usize) {
        self.values.resize(rows * vocabulary, 0.0);
        self.nll.resize(rows, 0.0);
        self.right.resize(rows, false);
    }
}
