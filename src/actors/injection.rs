//! What somebody had scored, on its way into the history.

use actix::{Context, Handler, Message};

use crate::actors::Keeper;
use crate::store::StoreError;

/// Writes to the history what somebody had scored before a step. Controller → Keeper.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<(), StoreError>")]
pub struct Inject {
    /// The number of the step.
    pub step: u64,
    /// The architecture's id.
    pub arch_id: String,
    /// The reward of its score.
    pub reward: f64,
}

impl Handler<Inject> for Keeper {
    type Result = Result<(), StoreError>;

    fn handle(&mut self, message: Inject, _: &mut Context<Self>) -> Self::Result {
        let Inject { step, arch_id, reward } = message;
        self.written(|keeper| keeper.history.inject(step, &arch_id, reward))
    }
}
