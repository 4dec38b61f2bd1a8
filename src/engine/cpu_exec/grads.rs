//! The gradients of a pass's tensors: the first one written, later ones added.

use crate::engine::cpu_exec::groups::Parts;
use crate::engine::cpu_exec::job::Job;
use crate::engine::cpu_exec::planes::Planes;
use crate::engine::cpu_exec::slabs::SlabParts;
use crate::engine::kernel::{GradRow, Lanes, add_assign};
use crate::net::{Shape, TensorId};

/// The gradients found so far. Tensors that were added up share one.
#[derive(Debug, Default)]
pub(super) struct Grads {
    /// The place of each tensor's gradient in `shared`.
    of_tensors: Vec<Option<usize>>,
    /// Each with the number of tensors that it belongs to; none where that is 0.
    shared: Vec<(Option<Planes>, usize)>,
}

/// A gradient being written.
#[derive(Debug)]
pub(super) struct Sink {
    place: usize,
    id: TensorId,
    planes: Planes,
    /// Whether something is there to add to; else the planes hold anything.
    add: bool,
}

/// The groups of a sink.
#[derive(Debug)]
pub(super) struct SinkParts<'a> {
    out: SlabParts<'a>,
    add: bool,
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

impl Parts for SinkParts<'_> {
    fn part(self, n: usize) -> (Self, Self) {
        let (first, rest) = self.out.part(n);
        (Self { out: first, add: self.add }, Self { out: rest, add: self.add })
    }
}

impl<'a> SinkParts<'a> {
    /// The only group that is left.
    pub(super) fn own(self) -> GroupSink<'a> {
        GroupSink { out: self.out.own(), add: self.add }
    }
}

impl Sink {
    /// The sink group by group.
    pub(super) fn parts(&mut self) -> SinkParts<'_> {
        SinkParts { out: self.planes.parts(), add: self.add }
    }
}

impl Grads {
    /// Forgets all gradients and makes room for those of `n` tensors.
    pub(super) fn reset(&mut self, n: usize) {
        self.shared.clear();
        self.of_tensors.clear();
        self.of_tensors.resize(n, None);
    }

    /// The gradient of a tensor.
    pub(super) fn get(&self, id: TensorId) -> Option<&Planes> {
        self.shared[self.of_tensors[id]?].0.as_ref()
    }

    /// Lets go of a tensor's gradient.
    pub(super) fn free(&mut self, id: TensorId) {
        if let Some(place) = self.of_tensors[id].take() {
            let (planes, owners) = &mut self.shared[place];
            *owners -= 1;
            if *owners == 0 {
                *planes = None;
            }
        }
    }

    /// Opens a tensor's gradient for writing.
    pub(super) fn open(&mut self, job: &Job, id: TensorId, shape: Shape) -> Sink {
        let found = self.of_tensors[id].map(|place| (place, &mut self.shared[place]));
        match found {
            Some((place, (planes, 1))) if planes.is_some() => {
                let planes = planes.take().expect("the guard has seen it");
                Sink { place, id, planes, add: true }
            }
            Some((_, (Some(shared), owners))) => {
                let mut planes = job.planes(shape);
                planes.values.copy_from(&shared.values);
                *owners -= 1;
                Sink { place: self.vacancy(), id, planes, add: true }
            }
            _ => Sink { place: self.vacancy(), id, planes: job.planes(shape), add: false },
        }
    }

    pub(super) fn close(&mut self, sink: Sink) {
        self.shared[sink.place] = (Some(sink.planes), 1);
        self.of_tensors[sink.id] = Some(sink.place);
    }

    /// A place that no gradient has, kept for the one who asks.
    fn vacancy(&mut self) -> usize {
        let free = self.shared.iter().position(|(_, owners)| *owners == 0);
        let place = free.unwrap_or(self.shared.len());
        if place == self.shared.len() {
            self.shared.push((None, 0));
        }
        self.shared[place].1 = 1;
        place
    }

    /// Has `write` write a tensor's gradient, or add to it.
    pub(super) fn write<T>(
        &mut self,
        job: &Job,
        id: TensorId,
        shape: Shape,
        write: impl FnOnce(&Self, &mut Sink) -> T,
    ) -> T {
        let mut sink = self.open(job, id, shape);
        let done = write(self, &mut sink);
        self.close(sink);
        done
    }

    /// The same, given the gradient of tensor `from`; without one there is nothing to write.
    pub(super) fn write_from(
        &mut self,
        job: &Job,
        (id, shape): (TensorId, Shape),
        from: TensorId,
        write: impl FnOnce(&Planes, &mut Sink),
    ) {
        self.write(job, id, shape, |grads, sink| {
            if let Some(grad) = grads.get(from) {
                write(grad, sink);
            }
        });
    }

    /// Adds to tensor `id` the whole gradient of tensor `from`; the first one is shared, not
    /// copied.
    pub(super) fn add(&mut self, job: &Job, id: TensorId, (from, shape): (TensorId, Shape)) {
        let Some(place) = self.of_tensors[from] else { return };
        if self.of_tensors[id].is_none() {
            self.of_tensors[id] = Some(place);
            self.shared[place].1 += 1;
            return;
        }
        self.write(job, id, shape, |grads, sink| {
            let Some(grad) = grads.get(from) else { return };
            job.by_group(sink.parts(), |group, sink| {
                add_assign(job.isa, grad.group(group), sink.own().out);
            });
        });
    }
}
