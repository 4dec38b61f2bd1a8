//! The keeper's mailbox: each message is a call.

use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, AsyncContext, Context, Handler, MessageResult};

use crate::actors::{
    CloseHistory, CloseTest, Inject, Keeper, LoadNewest, LoadTrial, Note, OpenTest, PruneHistory,
    Record, RecordPromotion, Refusal, Save, SaveTrial,
};
use crate::data::Certificate;
use crate::search::{SearchState, TrialState};
use crate::store::{Pruned, StoreError};

/// How often it is seen to that all parts of the state folder are there.
const LOOK_EVERY: Duration = Duration::from_secs(2);

impl Actor for Keeper {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.run_interval(LOOK_EVERY, |keeper, _| keeper.look_after());
    }
}

impl Handler<Record> for Keeper {
    type Result = MessageResult<Record>;

    fn handle(&mut self, message: Record, _: &mut Context<Self>) -> Self::Result {
        MessageResult(self.record(message.records))
    }
}

impl Handler<Save> for Keeper {
    type Result = MessageResult<Save>;

    fn handle(&mut self, message: Save, _: &mut Context<Self>) -> Self::Result {
        MessageResult(self.save(message))
    }
}

impl Handler<LoadNewest> for Keeper {
    type Result = Result<Arc<SearchState>, StoreError>;

    fn handle(&mut self, _: LoadNewest, _: &mut Context<Self>) -> Self::Result {
        self.load()
    }
}

impl Handler<Note> for Keeper {
    type Result = Result<(), StoreError>;

    fn handle(&mut self, message: Note, _: &mut Context<Self>) -> Self::Result {
        self.note(message)
    }
}

impl Handler<Inject> for Keeper {
    type Result = Result<(), StoreError>;

    fn handle(&mut self, message: Inject, _: &mut Context<Self>) -> Self::Result {
        self.inject(&message)
    }
}

impl Handler<PruneHistory> for Keeper {
    type Result = Result<Pruned, Refusal>;

    fn handle(&mut self, message: PruneHistory, _: &mut Context<Self>) -> Self::Result {
        self.history
            .prune(message.bytes)
            .map_err(|error| Refusal::Failed { why: error.to_string() })
    }
}

impl Handler<CloseHistory> for Keeper {
    type Result = Result<(), StoreError>;

    fn handle(&mut self, _: CloseHistory, _: &mut Context<Self>) -> Self::Result {
        self.history.rest()
    }
}

impl Handler<SaveTrial> for Keeper {
    type Result = Result<(), StoreError>;

    fn handle(&mut self, message: SaveTrial, _: &mut Context<Self>) -> Self::Result {
        self.archive.save(&message)
    }
}

impl Handler<LoadTrial> for Keeper {
    type Result = Result<Option<Arc<TrialState>>, StoreError>;

    fn handle(&mut self, message: LoadTrial, _: &mut Context<Self>) -> Self::Result {
        self.archive.load(&message.key)
    }
}

impl Handler<OpenTest> for Keeper {
    type Result = MessageResult<OpenTest>;

    fn handle(&mut self, message: OpenTest, _: &mut Context<Self>) -> Self::Result {
        MessageResult(self.archive.open(&message.candidate))
    }
}

impl Handler<CloseTest> for Keeper {
    type Result = Result<Certificate, StoreError>;

    fn handle(&mut self, message: CloseTest, _: &mut Context<Self>) -> Self::Result {
        self.archive.close(message)
    }
}

impl Handler<RecordPromotion> for Keeper {
    type Result = Result<(), StoreError>;

    fn handle(&mut self, message: RecordPromotion, _: &mut Context<Self>) -> Self::Result {
        self.record_promotion(message)
    }
}
