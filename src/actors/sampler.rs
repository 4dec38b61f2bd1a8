//! The sampler: draws architectures as the strategy draws, ahead of the trainer.

use actix::{Actor, Context, Handler};

use crate::actors::{AdoptDrawer, SampleArchs};
use crate::search::{Drawer, Drawn, SearchError, Task, draw};

/// Holds who draws as it was after the last step of θ; all of its logic is in [`draw`].
#[derive(Debug)]
pub struct Sampler {
    task: Task,
    drawer: Drawer,
}

impl Sampler {
    /// A sampler that draws from `drawer`.
    pub fn new(task: Task, drawer: Drawer) -> Self {
        Self { task, drawer }
    }
}

impl Actor for Sampler {
    type Context = Context<Self>;
}

impl Handler<AdoptDrawer> for Sampler {
    type Result = ();

    fn handle(&mut self, message: AdoptDrawer, _: &mut Context<Self>) {
        self.drawer = message.drawer;
    }
}

impl Handler<SampleArchs> for Sampler {
    type Result = Result<Drawn, SearchError>;

    fn handle(&mut self, message: SampleArchs, _: &mut Context<Self>) -> Self::Result {
        draw(&self.drawer, &self.task, message.seed, message.request)
    }
}
