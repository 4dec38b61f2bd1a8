//! The gradients of a pass's tensors: the first one written, later ones added.

use std::sync::Arc;

use crate::engine::cpu_exec::job::{Job, with_groups};
use crate::engine::cpu_exec::planes::Planes;
use crate::engine::kernel::{GradRow, Lanes, add_assign};
use crate::net::{Shape, TensorId};

/// The gradients found so far.
#[derive(Debug)]
pub(super) struct Grads(Vec<Option<Arc<Planes>>>);

/// A gradient being written.
#[derive(Debug)]
pub(super) struct Sink {
    pub(super) id: TensorId,
    pub(super) planes: Planes,
    /// Whether something is there to add to; else the planes hold anything.
    pub(super) add: bool,
}

/// One group of a sink.
#[derive(Debug)]
pub(super) struct GroupSink<'a> {
    pub(super) out: &'a mut [Lanes],
    pub(super) add: bool,
}

impl GroupSink<'_> {
    /// One row of `len` values.
    pub(super) fn row(&mut self, row: usize, len: usize) -> GradRow<'_> {
        GradRow { row: &mut self.out[row * len..][..len], add: self.add }
    }
}

impl Sink {
    /// The sink group by group.
    pub(super) fn groups(&mut self) -> impl Iterator<Item = GroupSink<'_>> {
        let (len, add) = (self.planes.shape.n_values(), self.add);
        self.planes.values.chunks_exact_mut(len).map(move |out| GroupSink { out, add })
    }
}

impl Grads {
    pub(super) fn new(n_tensors: usize) -> Self {
        Self((0..n_tensors).map(|_| None).collect())
    }

    /// The gradient of a tensor all of whose readers have been gone through.
    pub(super) fn take(&mut self, id: TensorId) -> Option<Arc<Planes>> {
        self.0[id].take()
    }

    /// Opens a tensor's gradient for writing.
    pub(super) fn open(&mut self, job: &Job, id: TensorId, shape: Shape) -> Sink {
        let Some(shared) = self.0[id].take() else {
            return Sink { id, planes: job.planes(shape), add: false };
        };
        let planes = Arc::try_unwrap(shared).unwrap_or_else(|shared| {
            let mut planes = job.planes(shape);
            planes.values.copy_from_slice(&shared.values);
            planes
        });
        Sink { id, planes, add: true }
    }

    pub(super) fn close(&mut self, sink: Sink) {
        self.0[sink.id] = Some(Arc::new(sink.planes));
    }

    /// Has `write` write a tensor's gradient, or add to it.
    pub(super) fn write<T>(
        &mut self,
        job: &Job,
        id: TensorId,
        shape: Shape,
        write: impl FnOnce(&mut Sink) -> T,
    ) -> T {
        let mut sink = self.open(job, id, shape);
        let done = write(&mut sink);
        self.close(sink);
        done
    }

    /// Adds a whole tensor; the first one is shared, not copied.
    pub(super) fn add(&mut self, job: &Job, id: TensorId, grad: &Arc<Planes>) {
        if self.0[id].is_none() {
            self.0[id] = Some(grad.clone());
            return;
        }
        self.write(job, id, grad.shape, |sink| {
            let groups = sink.groups().collect();
            with_groups(groups, |group, sink: GroupSink<'_>| {
                add_assign(job.isa, grad.group(group), sink.out);
            });
        });
    }
}
