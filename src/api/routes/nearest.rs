//! The known architectures that are most like another.

use crate::api::wire::NearArch;
use crate::space::Arch;
use crate::store::ArchSummary;

/// As many are told.
const NEAREST: usize = 5;

/// Those of `known` that differ from `arch` in the fewest choices, itself left out; among equals
/// those with the better rewards.
pub(super) fn nearest(arch: &Arch, known: Vec<ArchSummary>) -> Vec<NearArch> {
    let of = arch.choices().len() as u64;
    let near = known.into_iter().filter_map(|row| {
        let differs = arch.difference(&row.arch_id.parse().ok()?)? as u64;
        let ArchSummary { arch_id: id, mean_reward: reward, .. } = row;
        (0 < differs).then_some(NearArch { id, differs, of, reward })
    });
    let mut near: Vec<NearArch> = near.collect();
    near.sort_by(|a, b| {
        let by_reward = || b.reward.total_cmp(&a.reward).then_with(|| a.id.cmp(&b.id));
        a.differs.cmp(&b.differs).then_with(by_reward)
    });
    near.truncate(NEAREST);
    near
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::Space;

    /// An architecture of the first space whose last choices are these.
    fn arch(last: &[u32]) -> Arch {
        let space = Space::each()[0];
        let mut choices = vec![0; space.script().options().count()];
        let start = choices.len() - last.len();
        choices[start..].copy_from_slice(last);
        space.arch(&choices).unwrap()
    }

    #[test]
    fn those_that_differ_in_the_fewest_choices_come_first_and_then_the_better_ones() {
        let own = arch(&[]);
        let row = |last: &[u32], mean_reward| ArchSummary {
            arch_id: arch(last).id(),
            times: 1,
            best_reward: 1.0,
            mean_reward,
            last_step: 0,
        };
        // The operations of the last node's two edges.
        let mut known: Vec<ArchSummary> = (1..5).map(|op| row(&[op, op], 0.9)).collect();
        known.extend([row(&[], 0.99), row(&[0, 2], 0.5), row(&[0, 1], 0.6)]);
        known.push(ArchSummary { arch_id: "w24h-0".to_owned(), ..row(&[3, 3], 1.0) });
        let found = nearest(&own, known);
        let told: Vec<_> = found.iter().map(|near| (near.differs, near.reward)).collect();
        assert_eq!(told, [(1, 0.6), (1, 0.5), (2, 0.9), (2, 0.9), (2, 0.9)]);
        assert_eq!(found[0].id, arch(&[0, 1]).id());
        assert!(found.iter().all(|near| near.of == own.choices().len() as u64));
    }
}
