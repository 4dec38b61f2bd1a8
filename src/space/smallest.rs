//! The smallest spelling of a cell whose computed nodes may be renumbered.
//!
//! Nodes are placed one after another, each time one whose inputs are placed already and which reads
//! smallest; where several read the same, every order is tried.

/// A cell whose nodes are numbered behind those of its inputs, which keep their numbers.
pub(super) trait Renumbered {
    /// How many inputs and how many computed nodes it has.
    fn sides(&self) -> [usize; 2];

    /// The number that spells `node` as the computed node at `idx`, where nodes have the numbers
    /// `place_of`; none while one that it reads has no number.
    fn code(&self, node: usize, idx: usize, place_of: &[Option<usize>]) -> Option<u32>;

    /// Whether any node reads `node`.
    fn reads(&self, node: usize) -> bool;
}

/// The numbers of the nodes in the smallest spelling of `cell`.
pub(super) fn smallest(cell: &impl Renumbered) -> Vec<u32> {
    let [n_inputs, n_nodes] = cell.sides();
    let mut place_of = vec![None; n_inputs + n_nodes];
    for (input, place) in place_of.iter_mut().take(n_inputs).enumerate() {
        *place = Some(input);
    }
    let mut best = None;
    place_next(cell, &mut place_of, &mut Vec::new(), &mut best);
    best.expect("every cell has at least one order")
}

/// Tries every smallest next node; keeps the smallest whole spelling in `best`.
fn place_next(
    cell: &impl Renumbered,
    place_of: &mut Vec<Option<usize>>,
    codes: &mut Vec<u32>,
    best: &mut Option<Vec<u32>>,
) {
    let ([n_inputs, n_nodes], idx) = (cell.sides(), codes.len());
    if idx == n_nodes {
        if best.as_ref().is_none_or(|best| *codes < *best) {
            *best = Some(codes.clone());
        }
        return;
    }
    let ready: Vec<(u32, usize)> = (n_inputs..n_inputs + n_nodes)
        .filter(|&node| place_of[node].is_none())
        .filter_map(|node| Some((cell.code(node, idx, place_of)?, node)))
        .collect();
    let Some(&(smallest, _)) = ready.iter().min() else { return };
    let mut tried_unread = false;
    for (_, node) in ready.into_iter().filter(|&(code, _)| code == smallest) {
        // Twins that nobody reads are interchangeable: one order stands for all.
        if !cell.reads(node) && std::mem::replace(&mut tried_unread, true) {
            continue;
        }
        place_of[node] = Some(idx + n_inputs);
        codes.push(smallest);
        place_next(cell, place_of, codes, best);
        codes.pop();
        place_of[node] = None;
    }
}
