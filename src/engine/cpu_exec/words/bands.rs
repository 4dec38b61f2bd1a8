//! The bands of a window, cut into parts that threads work on.

use crate::engine::cpu_exec::words::workspace::{Size, Window};

/// What belongs to some bands in a row of a window's lists.
pub(super) struct Bands<'a> {
    /// The first of them.
    pub(super) first: usize,
    pub(super) count: usize,
    pub(super) inputs: &'a mut [f32],
    pub(super) befores: &'a mut [f32],
    pub(super) gates: &'a mut [f32],
    pub(super) states: &'a mut [f32],
    pub(super) outputs: &'a mut [f32],
    pub(super) grads: &'a mut [f32],
    pub(super) masked: &'a mut [f32],
    pub(super) carried: &'a mut [f32],
    pub(super) step_grads: &'a mut [f32],
    pub(super) before_grads: [&'a mut [f32]; 2],
}

impl<'a> Bands<'a> {
    /// All of a window.
    fn all(window: &'a mut Window, size: Size) -> Self {
        let [before, room] = &mut window.before_grads;
        Self {
            first: 0,
            count: size.bands(),
            inputs: &mut window.inputs,
            befores: &mut window.befores,
            gates: &mut window.gates,
            states: &mut window.states,
            outputs: &mut window.outputs,
            grads: &mut window.grads,
            masked: &mut window.masked,
            carried: &mut window.first,
            step_grads: &mut window.step_grads,
            before_grads: [before, room],
        }
    }

    /// The first `n`, and the rest.
    fn split(self, size: Size, n: usize) -> [Self; 2] {
        let (band, state, nodes) = (size.band(), size.state(), size.nodes);
        let (inputs, inputs_2) = self.inputs.split_at_mut(n * band);
        let (befores, befores_2) = self.befores.split_at_mut(n * band);
        let (gates, gates_2) = self.gates.split_at_mut(n * size.gates * band);
        let (states, states_2) = self.states.split_at_mut(n * nodes * band);
        let (outputs, outputs_2) = self.outputs.split_at_mut(n * band);
        let (grads, grads_2) = self.grads.split_at_mut(n * band);
        let (masked, masked_2) = self.masked.split_at_mut(n * band);
        let (carried, carried_2) = self.carried.split_at_mut(n * size.carried * state);
        let (step_grads, step_grads_2) = self.step_grads.split_at_mut(n * nodes * state);
        let [before, room] = self.before_grads;
        let (before, before_2) = before.split_at_mut(n * state);
        let (room, room_2) = room.split_at_mut(n * state);
        let part = Self {
            first: self.first,
            count: n,
            inputs,
            befores,
            gates,
            states,
            outputs,
            grads,
            masked,
            carried,
            step_grads,
            before_grads: [before, room],
        };
        let rest = Self {
            first: self.first + n,
            count: self.count - n,
            inputs: inputs_2,
            befores: befores_2,
            gates: gates_2,
            states: states_2,
            outputs: outputs_2,
            grads: grads_2,
            masked: masked_2,
            carried: carried_2,
            step_grads: step_grads_2,
            before_grads: [before_2, room_2],
        };
        [part, rest]
    }
}

/// Has `work` work on all bands, about as many on each thread: a product with many rows is the
/// faster one, and no band depends on another.
pub(super) fn by_bands(window: &mut Window, size: Size, work: impl Fn(Bands<'_>) + Sync) {
    parts(Bands::all(window, size), size, rayon::current_num_threads(), &work);
}

fn parts(bands: Bands<'_>, size: Size, threads: usize, work: &(impl Fn(Bands<'_>) + Sync)) {
    let threads = threads.min(bands.count);
    if threads < 2 {
        return work(bands);
    }
    let n = (bands.count * (threads / 2)).div_ceil(threads);
    let [first, rest] = bands.split(size, n);
    rayon::join(
        || parts(first, size, threads / 2, work),
        || parts(rest, size, threads - threads / 2, work),
    );
}
