//! The best cells of the shared search so far.
//!
//! A cell's score is its accuracy on the whole validation split with the ω of its time; the
//! weights that go with it are cut from that ω. A cell leaves only for a better one.

use crate::space::Arch;

/// One of the best cells.
#[derive(Clone, Debug, PartialEq)]
pub struct BestCell {
    /// The architecture, as it was drawn.
    pub arch: Arch,
    /// Images of the validation split classified rightly.
    pub correct: u64,
    /// Images of the validation split.
    pub total: u64,
    /// The cycle at whose end it was derived, counted from 0.
    pub cycle: u64,
    /// The number of the step that derived it.
    pub step: u64,
}

impl BestCell {
    /// Accuracy on the validation split, 0 to 1.
    pub fn accuracy(&self) -> f64 {
        self.correct as f64 / self.total as f64
    }
}

/// The best cells, best first, each architecture once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BestCells(Vec<BestCell>);

/// What a derivation changed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BestChange {
    /// Cells that came in, or whose score rose: their weights are to be kept.
    pub entered: Vec<BestCell>,
    /// Ids of the cells that left.
    pub left: Vec<String>,
}

impl BestCells {
    /// The list of a checkpoint, best first.
    pub fn from_cells(cells: Vec<BestCell>) -> Self {
        Self(cells)
    }

    /// The cells, best first.
    pub fn cells(&self) -> &[BestCell] {
        &self.0
    }

    /// Offers newly derived cells to a list of at most `keep`.
    pub fn offer(&mut self, candidates: Vec<BestCell>, keep: usize) -> BestChange {
        let before: Vec<(String, u64)> =
            self.0.iter().map(|cell| (cell.arch.id(), cell.correct)).collect();
        for candidate in candidates {
            let id = candidate.arch.id();
            match self.0.iter_mut().find(|cell| cell.arch.id() == id) {
                Some(known) if known.correct < candidate.correct => *known = candidate,
                Some(_) => {}
                None => self.0.push(candidate),
            }
        }
        // Stable: among equals the older cell stays ahead.
        self.0.sort_by_key(|cell| std::cmp::Reverse(cell.correct));
        self.0.truncate(keep);
        let now: Vec<String> = self.0.iter().map(|cell| cell.arch.id()).collect();
        BestChange {
            entered: self
                .0
                .iter()
                .filter(|cell| !before.contains(&(cell.arch.id(), cell.correct)))
                .cloned()
                .collect(),
            left: before.into_iter().map(|(id, _)| id).filter(|id| !now.contains(id)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::{MicroSpace, Space};

    fn cell(first: u32, correct: u64) -> BestCell {
        let space = Space::Micro(MicroSpace::new(2).unwrap());
        let mut choices = vec![0; 16];
        choices[2] = first;
        choices[3] = first;
        let arch = space.arch(&choices).unwrap();
        BestCell { arch, correct, total: 100, cycle: 0, step: 0 }
    }

    #[test]
    fn a_cell_leaves_only_for_a_better_one() {
        let mut best = BestCells::default();
        let change = best.offer(vec![cell(0, 50), cell(1, 60), cell(2, 40)], 2);
        assert_eq!(change.entered, [cell(1, 60), cell(0, 50)]);
        assert_eq!(change.left, Vec::<String>::new());
        assert_eq!(best.offer(vec![cell(3, 50)], 2), BestChange::default());
        let change = best.offer(vec![cell(4, 55)], 2);
        assert_eq!(change.entered, [cell(4, 55)]);
        assert_eq!(change.left, [cell(0, 0).arch.id()]);
    }

    #[test]
    fn a_known_cell_keeps_its_better_score() {
        let mut best = BestCells::default();
        best.offer(vec![cell(0, 50)], 2);
        assert_eq!(best.offer(vec![cell(0, 45)], 2), BestChange::default());
        assert_eq!(best.offer(vec![cell(0, 55)], 2).entered, [cell(0, 55)]);
        assert_eq!(best.cells(), [cell(0, 55)]);
    }
}
