//! How nets read text: window by window, each with the states of the one before.

use crate::data::{Corpus, NetResult, Receipt, WordBatch};
use crate::engine::{Executor, Snapshot};
use crate::net::Net;
use crate::search::carried::Carried;
use crate::search::{Score, SearchError};

/// Blocks of the test text whose cross-entropies are kept, so that two nets can be compared block by
/// block.
const BLOCKS: usize = 200;

/// What a net has right of windows that follow each other.
pub(super) fn measure_windows(
    exec: &dyn Executor,
    (net, weights): (&Net, &Snapshot),
    windows: impl Iterator<Item = WordBatch>,
) -> Result<Score, SearchError> {
    let mut score = Score::default();
    each_window(exec, (net, weights), windows, |one| score += one)?;
    Ok(score)
}

/// What a net has right of the whole test text, read in one row, for whoever has leave.
pub(super) fn certify_words(
    exec: &dyn Executor,
    (net, weights): (&Net, &Snapshot),
    (corpus, leave, bptt): (&Corpus, &Receipt, usize),
) -> Result<NetResult, SearchError> {
    let mut windows = Vec::new();
    let text = corpus.test_windows(leave, bptt)?;
    each_window(exec, (net, weights), text, |one| windows.push(one))?;
    let of_block = windows.len().div_ceil(BLOCKS).max(1);
    let sum = |scores: &[Score]| scores.iter().copied().sum::<Score>();
    let blocks = windows.chunks(of_block).map(sum).map(|block| (block.nll, block.items));
    Ok(NetResult::of_text(sum(&windows).correct, blocks.collect()))
}

/// Gives `take` what a net has right of each window.
fn each_window(
    exec: &dyn Executor,
    (net, weights): (&Net, &Snapshot),
    windows: impl Iterator<Item = WordBatch>,
    mut take: impl FnMut(Score),
) -> Result<(), SearchError> {
    let mut carried = Carried::default();
    for window in windows {
        take(exec.measure(net, weights, carried.window(0, &window), None)?);
    }
    Ok(())
}
