//! Where everything of a drawn cell lies: columns by depth, and a lane of its own for each link
//! that passes a column (Sugiyama, Tagawa and Toda, 1981).
//!
//! ```text
//! column 0      column 1             column 2                column 3
//! ┌──────┐      (op)─┐               (op)─┐
//! │h[k-2]│ ───► (op)─┴[ 2 ] ───────► (op)─┴[ 4 ] ──────────► ┌────┐
//! └──────┘ ───► (op)─┐                                       │h[k]│
//! │h[k-1]│ ───► (op)─┴[ 3 ] ─────── lane ──────────────────► └────┘
//! ```
//!
//! Links bend only between columns and cross columns in lanes, so none runs under a box, and an
//! operation stands where its link arrives, so no two labels meet.

use crate::space::{Link, Sketch, VertexRole};

/// Between two columns, where links bend.
const GAP: f64 = 96.0;
/// Width and height of the label of an operation.
pub(super) const LABEL: (f64, f64) = (72.0, 24.0);
/// From a label to its node.
pub(super) const STEM: f64 = 16.0;
/// Width and height of a node's box; one with more than two labels is as high as these.
pub(super) const NODE: (f64, f64) = (44.0, 60.0);
/// Width and height of an input's box, and the output's width.
pub(super) const INPUT: (f64, f64) = (72.0, 44.0);
/// Distance of a node's two labels from its middle, and half of that between two.
const PORT: f64 = 16.0;
/// What the labels of a node leave of the height that they take by their distance.
const RIM: f64 = 4.0;
/// Height of a lane, and between two links at the output.
const LANE: f64 = 18.0;
/// Between the boxes of a column.
const SPACE: f64 = 24.0;
/// Sweeps over the columns; by then the order of such small graphs has settled.
const N_SWEEPS: usize = 12;

/// A point of the drawing.
pub(super) type Point = (f64, f64);

/// A vertex with its place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// The vertex of the sketch.
    pub(super) vertex: usize,
    /// The left end of its column.
    pub(super) x: f64,
    /// Its middle.
    pub(super) y: f64,
    /// The height of its box.
    pub(super) height: f64,
}

/// A link with its way.
#[derive(Clone, Debug)]
pub(super) struct Wire {
    /// The link of the sketch.
    pub(super) link: Link,
    /// Where it leaves, both ends of each lane, and where it arrives.
    pub(super) points: Vec<Point>,
}

/// A cell with the place of everything in it.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    /// What is drawn.
    pub(super) sketch: Sketch,
    /// Size of the drawing; it begins at the origin.
    pub(super) size: Point,
    /// Every vertex, in order.
    pub(super) places: Vec<Place>,
    /// Every link, in the sketch's order.
    pub(super) wires: Vec<Wire>,
}

/// What takes room in a column: a vertex, or a link that passes.
#[derive(Clone, Debug)]
struct Item {
    column: usize,
    height: f64,
    y: f64,
    /// The items that its links come from, one for each link.
    before: Vec<usize>,
    /// The items that its links go to.
    after: Vec<usize>,
}

impl Layout {
    /// Lays out `sketch`.
    pub(super) fn new(sketch: Sketch) -> Self {
        let (mut items, chains) = items(&sketch);
        let order = order(&items);
        settle(&mut items, &order);
        let top = items.iter().map(|item| item.y - item.height / 2.0).fold(f64::MAX, f64::min);
        for item in &mut items {
            item.y -= top;
        }
        let places: Vec<Place> = (0..sketch.vertices.len())
            .map(|vertex| {
                let Item { column, height, y, .. } = items[vertex];
                Place { vertex, x: left(column), y, height }
            })
            .collect();
        let last = places[sketch.output()];
        let bottom = items.iter().map(|item| item.y + item.height / 2.0).fold(0.0, f64::max);
        let size = (last.x + INPUT.0, bottom);
        let wires = wires(&sketch, &items, &chains);
        Self { sketch, size, places, wires }
    }
}

/// The vertices as the first items, then the lanes; and each link's way through them.
fn items(sketch: &Sketch) -> (Vec<Item>, Vec<Vec<usize>>) {
    let n_ends = sketch.links.iter().filter(|link| link.op.is_none()).count();
    let depths = sketch.depths();
    let n_labels =
        |at: usize| sketch.links.iter().filter(|link| link.to == at && link.op.is_some()).count();
    let mut items: Vec<Item> = depths
        .iter()
        .zip(&sketch.vertices)
        .enumerate()
        .map(|(at, (&column, vertex))| {
            let height = match vertex.role {
                VertexRole::Input => INPUT.1,
                VertexRole::Output => NODE.1.max(LANE * (n_ends + 1) as f64),
                VertexRole::Node => NODE.1.max(2.0 * PORT * n_labels(at) as f64 - RIM),
            };
            Item { column, height, y: 0.0, before: Vec::new(), after: Vec::new() }
        })
        .collect();
    let mut chains = Vec::new();
    for link in &sketch.links {
        let mut chain = vec![link.from];
        for column in depths[link.from] + 1..depths[link.to] {
            chain.push(items.len());
            let (before, after) = (Vec::new(), Vec::new());
            items.push(Item { column, height: LANE, y: 0.0, before, after });
        }
        chain.push(link.to);
        for pair in chain.windows(2) {
            items[pair[0]].after.push(pair[1]);
            items[pair[1]].before.push(pair[0]);
        }
        chains.push(chain);
    }
    (items, chains)
}

/// The items of each column from top to bottom, with few crossings: each sweep sorts every column
/// by the mean place of its neighbors on one side, and the best order seen is kept.
fn order(items: &[Item]) -> Vec<Vec<usize>> {
    let n_columns = items.iter().map(|item| item.column + 1).max().unwrap_or(0);
    let mut columns: Vec<Vec<usize>> = (0..n_columns)
        .map(|column| (0..items.len()).filter(|&idx| items[idx].column == column).collect())
        .collect();
    let mut best = (crossings(items, &columns), columns.clone());
    for sweep in 0..N_SWEEPS {
        let is_forward = sweep % 2 == 0;
        // The inputs keep their order: the older one is on top.
        for step in 1..n_columns {
            let column = if is_forward { step } else { n_columns - step };
            let rank = ranks(items.len(), &columns);
            columns[column].sort_by(|&a, &b| {
                let mean = |idx: usize| {
                    let item: &Item = &items[idx];
                    let near = if is_forward { &item.before } else { &item.after };
                    mean(near.iter().map(|&idx| rank[idx])).unwrap_or(rank[idx])
                };
                mean(a).total_cmp(&mean(b))
            });
        }
        let found = crossings(items, &columns);
        if found < best.0 {
            best = (found, columns.clone());
        }
    }
    best.1
}

/// Each item's place in its column.
fn ranks(n_items: usize, columns: &[Vec<usize>]) -> Vec<f64> {
    let mut rank = vec![0.0; n_items];
    for column in columns {
        for (place, &idx) in column.iter().enumerate() {
            rank[idx] = place as f64;
        }
    }
    rank
}

/// Pairs of links that cross between two columns.
fn crossings(items: &[Item], columns: &[Vec<usize>]) -> usize {
    let rank = ranks(items.len(), columns);
    let mut count = 0;
    for column in columns {
        let ends: Vec<(f64, f64)> = column
            .iter()
            .flat_map(|&idx| items[idx].after.iter().map(move |&to| (idx, to)))
            .map(|(from, to)| (rank[from], rank[to]))
            .collect();
        for (idx, a) in ends.iter().enumerate() {
            count += ends[idx..].iter().filter(|b| (a.0 - b.0) * (a.1 - b.1) < 0.0).count();
        }
    }
    count
}

/// Gives each item its height in the drawing: near its neighbors, in its column's order, apart.
fn settle(items: &mut [Item], columns: &[Vec<usize>]) {
    for sweep in 0..N_SWEEPS {
        for step in 0..columns.len() {
            let idx = if sweep % 2 == 0 { step } else { columns.len() - 1 - step };
            let column = &columns[idx];
            let wanted: Vec<f64> = column
                .iter()
                .map(|&idx| {
                    let item = &items[idx];
                    let near = item.before.iter().chain(&item.after).map(|&idx| items[idx].y);
                    mean(near).unwrap_or(item.y)
                })
                .collect();
            for (&idx, y) in column.iter().zip(apart(items, column, &wanted)) {
                items[idx].y = y;
            }
        }
    }
}

/// The heights nearest to `wanted`, by least squares, that keep the items in order and apart.
fn apart(items: &[Item], column: &[usize], wanted: &[f64]) -> Vec<f64> {
    let mut offset = 0.0;
    let mut offsets = Vec::new();
    // Runs of items that touch: their summed wishes, less the offsets, and their number.
    let mut runs: Vec<(f64, usize)> = Vec::new();
    for (place, (&idx, &want)) in column.iter().zip(wanted).enumerate() {
        if place != 0 {
            let (above, below) = (&items[column[place - 1]], &items[idx]);
            // Lanes lie side by side.
            let space = if above.height.max(below.height) <= LANE { 0.0 } else { SPACE };
            offset += f64::midpoint(above.height, below.height) + space;
        }
        offsets.push(offset);
        runs.push((want - offset, 1));
        while let [.., above, below] = runs[..]
            && below.0 / below.1 as f64 <= above.0 / above.1 as f64
        {
            runs.truncate(runs.len() - 2);
            runs.push((above.0 + below.0, above.1 + below.1));
        }
    }
    let starts = runs.iter().flat_map(|&(sum, n)| std::iter::repeat_n(sum / n as f64, n));
    starts.zip(offsets).map(|(start, offset)| start + offset).collect()
}

/// The way of each link, its ends spread over the boxes so that no two touch.
fn wires(sketch: &Sketch, items: &[Item], chains: &[Vec<usize>]) -> Vec<Wire> {
    let toward = |link: usize, at: usize| items[chains[link][at]].y;
    let spread = |links: Vec<usize>, link: usize, key: &dyn Fn(usize) -> f64, pitch: f64| {
        let mut sorted = links;
        sorted.sort_by(|&a, &b| key(a).total_cmp(&key(b)));
        let place = sorted.iter().position(|&other| other == link).unwrap_or(0);
        (place as f64 - (sorted.len() - 1) as f64 / 2.0) * pitch
    };
    let all = 0..sketch.links.len();
    let wire = |(idx, link): (usize, &Link)| {
        let leaving: Vec<usize> =
            all.clone().filter(|&l| sketch.links[l].from == link.from).collect();
        let arriving: Vec<usize> = all.clone().filter(|&l| sketch.links[l].to == link.to).collect();
        let from = &items[link.from];
        let pitch_out = ((from.height - 16.0) / leaving.len() as f64).min(9.0);
        let pitch_in = if link.op.is_some() { 2.0 * PORT } else { LANE };
        let out = from.y + spread(leaving, idx, &|l| toward(l, 1), pitch_out);
        let into = |l: usize| toward(l, chains[l].len() - 2);
        let end = items[link.to].y + spread(arriving, idx, &into, pitch_in);
        let mut points = vec![(right(from.column), out)];
        for &lane in &chains[idx][1..chains[idx].len() - 1] {
            let Item { column, y, .. } = items[lane];
            points.extend([(left(column), y), (right(column), y)]);
        }
        points.push((left(items[link.to].column), end));
        Wire { link: *link, points }
    };
    sketch.links.iter().enumerate().map(wire).collect()
}

/// The left end of a column.
fn left(column: usize) -> f64 {
    if column == 0 { 0.0 } else { right(column - 1) + GAP }
}

/// The right end of a column of inputs or nodes.
fn right(column: usize) -> f64 {
    let node_column = LABEL.0 + STEM + NODE.0;
    INPUT.0 + column as f64 * (GAP + node_column)
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, n) = values.fold((0.0, 0), |(sum, n), value| (sum + value, n + 1));
    (0 < n).then(|| sum / f64::from(n))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::color::tests::{PUBLISHED, benchmark, cells};
    use crate::space::Arch;
    use proptest::prelude::*;

    /// Left, top, right, bottom of the room of a vertex, its labels included.
    fn room(layout: &Layout, place: &Place) -> [f64; 4] {
        let is_node = layout.sketch.vertices[place.vertex].role == VertexRole::Node;
        let width = if is_node { LABEL.0 + STEM + NODE.0 } else { INPUT.0 };
        let half = place.height / 2.0;
        [place.x, place.y - half, place.x + width, place.y + half]
    }

    /// Whether two places are one: columns and lanes lie far further apart.
    fn is_same(a: f64, b: f64) -> bool {
        (a - b).abs() < 0.01
    }

    proptest! {
        #[test]
        fn nothing_overlaps_and_all_is_inside(arch in prop_oneof![cells(), benchmark()]) {
            for layout in arch.sketch().into_iter().map(Layout::new) {
                let rooms: Vec<_> = layout.places.iter().map(|p| room(&layout, p)).collect();
                for (idx, a) in rooms.iter().enumerate() {
                    prop_assert!(0.0 <= a[0] && -0.01 <= a[1], "{a:?}");
                    prop_assert!(a[2] <= layout.size.0 && a[3] <= layout.size.1 + 0.01, "{a:?}");
                    for b in &rooms[idx + 1..] {
                        let is_apart =
                            a[2] < b[0] || b[2] < a[0] || a[3] + 1.0 < b[1] || b[3] + 1.0 < a[1];
                        prop_assert!(is_apart, "{a:?} {b:?}");
                    }
                }
            }
        }

        #[test]
        fn links_pass_columns_in_lanes_of_their_own_beside_every_box(arch in cells()) {
            for layout in arch.sketch().into_iter().map(Layout::new) {
                let lanes: Vec<(Point, Point)> = layout
                    .wires
                    .iter()
                    .flat_map(|wire| wire.points[1..wire.points.len() - 1].chunks_exact(2))
                    .map(|ends| (ends[0], ends[1]))
                    .collect();
                for (idx, &((x, y), end)) in lanes.iter().enumerate() {
                    prop_assert!(is_same(y, end.1) && x < end.0);
                    for place in &layout.places {
                        let [left, top, _, bottom] = room(&layout, place);
                        prop_assert!(!is_same(left, x) || y < top - 1.0 || bottom + 1.0 < y);
                    }
                    for &((other_x, other_y), _) in &lanes[idx + 1..] {
                        prop_assert!(!is_same(other_x, x) || LANE - 0.01 <= (other_y - y).abs());
                    }
                }
            }
        }

        #[test]
        fn links_run_to_the_right_and_no_two_share_an_end(arch in cells()) {
            for layout in arch.sketch().into_iter().map(Layout::new) {
                let mut ends = Vec::new();
                for Wire { link, points } in &layout.wires {
                    prop_assert!(points.windows(2).all(|pair| pair[0].0 < pair[1].0));
                    let (first, last) = (points[0], points[points.len() - 1]);
                    for (vertex, (_, y)) in [(link.from, first), (link.to, last)] {
                        let [_, top, _, bottom] = room(&layout, &layout.places[vertex]);
                        prop_assert!(top < y && y < bottom);
                    }
                    ends.extend([first, last]);
                }
                for (idx, a) in ends.iter().enumerate() {
                    let is_apart = |b: &Point| !is_same(a.0, b.0) || 1.0 < (a.1 - b.1).abs();
                    prop_assert!(ends[idx + 1..].iter().all(is_apart));
                }
            }
        }
    }

    #[test]
    fn the_published_reduction_cell_is_drawn_with_few_crossings() {
        let arch: Arch = PUBLISHED.parse().unwrap();
        let (items, _) = items(&arch.sketch()[1]);
        let order = order(&items);
        assert_eq!(crossings(&items, &order), 3);
    }

    #[test]
    fn touching_items_share_the_room_that_they_want() {
        let item = Item { column: 0, height: 60.0, y: 0.0, before: Vec::new(), after: Vec::new() };
        let items = vec![item; 3];
        let found = apart(&items, &[0, 1, 2], &[100.0, 100.0, 500.0]);
        assert_eq!(found, [58.0, 142.0, 500.0]);
    }
}
