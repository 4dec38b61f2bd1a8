//! Which checkpoints stay: the newest few.
//!
//! A pure decision; [`Checkpoints`] carries it out, and only after a checkpoint was written.
//!
//! [`Checkpoints`]: crate::store::Checkpoints

use crate::store::StoreError;

/// What becomes of one checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetentionAction {
    /// The checkpoint of this step stays.
    Keep(u64),
    /// The checkpoint of this step goes.
    Delete(u64),
}

/// Keeps the newest checkpoints, two at least: the newest may turn out damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Invariant: 2 or more.
    n_kept: usize,
}

impl Retention {
    /// Keeps the newest `n_kept` checkpoints.
    pub fn newest(n_kept: usize) -> Result<Self, StoreError> {
        if n_kept < 2 {
            return Err(StoreError::Keep { found: n_kept });
        }
        Ok(Self { n_kept })
    }

    /// What to do with the checkpoints of these steps, from the newest to the oldest.
    pub fn actions(self, steps: &[u64]) -> Vec<RetentionAction> {
        let mut steps = steps.to_vec();
        steps.sort_unstable();
        steps.dedup();
        let newest_first = steps.into_iter().rev().enumerate();
        newest_first
            .map(|(age, step)| {
                if age < self.n_kept {
                    RetentionAction::Keep(step)
                } else {
                    RetentionAction::Delete(step)
                }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use RetentionAction::{Delete, Keep};
    use proptest::prelude::*;

    #[test]
    fn the_oldest_go() {
        let retention = Retention::newest(2).unwrap();
        assert_eq!(retention.actions(&[10, 30, 20]), [Keep(30), Keep(20), Delete(10)]);
        assert_eq!(retention.actions(&[7]), [Keep(7)]);
        assert_eq!(retention.actions(&[]), []);
    }

    #[test]
    fn fewer_than_two_are_refused() {
        assert!(Retention::newest(0).is_err());
        assert!(Retention::newest(1).is_err());
    }

    proptest! {
        #[test]
        fn what_stays_is_newer_than_what_goes(
            steps in prop::collection::vec(0_u64..100, 0..40), n_kept in 2_usize..10,
        ) {
            let actions = Retention::newest(n_kept).unwrap().actions(&steps);
            let (kept, gone): (Vec<_>, Vec<_>) =
                actions.into_iter().partition(|action| matches!(action, Keep(_)));
            let steps_of = |actions: Vec<_>| -> Vec<u64> {
                actions.into_iter().map(|(Keep(step) | Delete(step))| step).collect()
            };
            let (kept, gone) = (steps_of(kept), steps_of(gone));
            let distinct: std::collections::BTreeSet<u64> = steps.into_iter().collect();
            prop_assert_eq!(kept.len(), n_kept.min(distinct.len()));
            prop_assert_eq!(kept.len() + gone.len(), distinct.len());
            prop_assert!(kept.iter().all(|k| gone.iter().all(|g| g < k)));
        }
    }
}
