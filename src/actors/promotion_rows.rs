//! The rows of the history that promotions leave: those that cannot be written wait.

use actix::{Context, Handler, Message};

use crate::actors::Keeper;
use crate::store::{ChampionRow, StoreError, TrialRow};

/// Rows that wait at most: those of a promotion of a hundred architectures.
const MAX_ROWS: usize = 2000;

/// Writes what promotions led to into the history. Controller → Keeper.
#[derive(Clone, Debug, Default, Message)]
#[rtype(result = "Result<(), StoreError>")]
pub struct RecordPromotion {
    /// Nets that are trained.
    pub trials: Vec<TrialRow>,
    /// What the best of a promotion came to.
    pub champions: Vec<ChampionRow>,
}

impl Keeper {
    /// Tries to write the rows that wait.
    pub(super) fn write_promotions(&mut self) -> Result<(), StoreError> {
        let waiting = std::mem::take(&mut self.promotions);
        let written = self.written(|keeper| {
            keeper.history.record_trials(&waiting.trials)?;
            waiting.champions.iter().try_for_each(|row| keeper.history.record_champion(row))
        });
        if written.is_err() {
            self.promotions = waiting;
        }
        written
    }

    fn take_promotion(&mut self, message: RecordPromotion) -> Result<(), StoreError> {
        let RecordPromotion { trials, champions } = message;
        self.promotions.trials.extend(trials);
        self.promotions.champions.extend(champions);
        // Those of when it began say more than the later ones.
        self.promotions.trials.truncate(MAX_ROWS);
        self.promotions.champions.truncate(MAX_ROWS);
        self.write_promotions()
    }
}

impl Handler<RecordPromotion> for Keeper {
    type Result = Result<(), StoreError>;

    fn handle(&mut self, message: RecordPromotion, _: &mut Context<Self>) -> Self::Result {
        self.take_promotion(message)
    }
}
