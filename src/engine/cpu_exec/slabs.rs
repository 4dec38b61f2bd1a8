//! The memory of one tensor, in slabs that tensors of all shapes take from the same store.
//!
//! A slab holds one plane of a cell at the images' own resolution, or several of the smaller ones
//! behind a reduction. So what the deep cells gave back on the way serves the first ones.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::engine::cpu_exec::buffers::{Buffer, Buffers};
use crate::engine::cpu_exec::groups::Parts;
use crate::engine::kernel::Lanes;

/// Slabs of a tensor at most: as many need no list on the heap.
const MOST: usize = 16;

/// The values of every group of a tensor: those of one group lie in one slab.
#[derive(Debug)]
pub(super) struct Slabs {
    memory: SmallVec<[Buffer; MOST]>,
    groups: usize,
    /// Values of a group.
    len: usize,
    /// Groups in a slab.
    per_slab: usize,
}

/// The values of groups, to be written, slab by slab.
#[derive(Debug)]
pub(super) struct SlabParts<'a> {
    slabs: SmallVec<[&'a mut [Lanes]; MOST]>,
    len: usize,
}

impl Slabs {
    /// Memory for `groups` of `len` values each, which are whatever their last use left. `usual`
    /// is the number of values that most tensors have in a group.
    pub(super) fn take(buffers: &Arc<Buffers>, groups: usize, len: usize, usual: usize) -> Self {
        let planes = groups.div_ceil(MOST);
        let slab_len = planes * usual.max(len);
        let per_slab = slab_len / len;
        let memory = (0..groups.div_ceil(per_slab)).map(|_| buffers.take(slab_len)).collect();
        Self { memory, groups, len, per_slab }
    }

    /// The values of a group.
    pub(super) fn group(&self, group: usize) -> &[Lanes] {
        let (slab, place) = (group / self.per_slab, group % self.per_slab);
        &self.memory[slab][place * self.len..][..self.len]
    }

    /// The values of every group, to be written.
    pub(super) fn parts(&mut self) -> SlabParts<'_> {
        let Self { memory, groups, len, per_slab } = self;
        let mut left = *groups;
        let held = memory.iter_mut().map(|slab| {
            let groups = left.min(*per_slab);
            left -= groups;
            &mut slab[..groups * *len]
        });
        SlabParts { slabs: held.collect(), len: *len }
    }

    /// The values of one group after the other, to be written.
    pub(super) fn groups_mut(&mut self) -> impl Iterator<Item = &mut [Lanes]> {
        let len = self.len;
        self.parts().slabs.into_iter().flat_map(move |slab| slab.chunks_exact_mut(len))
    }

    /// Makes the values those of `others`, which are as many.
    pub(super) fn copy_from(&mut self, others: &Self) {
        for (group, values) in self.groups_mut().enumerate() {
            values.copy_from_slice(others.group(group));
        }
    }
}

impl<'a> SlabParts<'a> {
    /// Those of the group, where it is the only one.
    pub(super) fn own(self) -> &'a mut [Lanes] {
        self.slabs.into_iter().next().unwrap_or_default()
    }
}

impl Parts for SlabParts<'_> {
    fn part(self, n: usize) -> (Self, Self) {
        let (mut first, mut rest) = (SmallVec::new(), SmallVec::new());
        let mut left = n * self.len;
        for slab in self.slabs {
            let (own, others) = slab.split_at_mut(left.min(slab.len()));
            left -= own.len();
            for (values, list) in [(own, &mut first), (others, &mut rest)] {
                if !values.is_empty() {
                    list.push(values);
                }
            }
        }
        (Self { slabs: first, len: self.len }, Self { slabs: rest, len: self.len })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::cpu_exec::groups::by_group;

    #[test]
    fn each_group_has_its_own_values_and_shares_the_slab() {
        for groups in 1..40 {
            for (len, usual) in [(4, 4), (2, 4), (1, 4), (3, 4), (9, 4)] {
                let buffers = Arc::default();
                let mut slabs = Slabs::take(&buffers, groups, len, usual);
                by_group(0..groups, slabs.parts(), &|group, part| {
                    let own = part.own();
                    assert_eq!(own.len(), len);
                    own.fill(Lanes::splat(group as f32));
                });
                let mut copy = Slabs::take(&buffers, groups, len, usual);
                copy.copy_from(&slabs);
                for group in 0..groups {
                    assert_eq!(copy.group(group), vec![Lanes::splat(group as f32); len]);
                }
            }
        }
    }

    #[test]
    fn what_a_large_tensor_gave_back_serves_small_ones() {
        let buffers = Arc::default();
        let large = Slabs::take(&buffers, 4, 4, 4);
        let places: Vec<_> = large.memory.iter().map(|slab| slab.as_ptr()).collect();
        drop(large);
        let small = [2, 1, 1].map(|len| Slabs::take(&buffers, 4, len, 4));
        let taken = small.iter().flat_map(|tensor| &tensor.memory).map(|slab| slab.as_ptr());
        let mut taken: Vec<_> = taken.collect();
        taken.reverse();
        assert_eq!(taken, places);
    }
}
