//! The Pareto front: what nothing else beats in its score and in all of its costs at once.

use std::cmp::Ordering;

/// Which of the points, each a score and costs, are on the front: none of the others has a score at
/// least as high at costs no higher, and is better in one of them. Equals are on it together.
pub fn pareto_front<const N: usize>(points: &[(f64, [f64; N])]) -> Vec<bool> {
    let mut order: Vec<usize> = (0..points.len()).collect();
    order.sort_by(|&a, &b| better(&points[a], &points[b]));
    let mut front: Vec<usize> = Vec::new();
    for place in order {
        // All that stand before it score as high, and those of the same score are no worse in the
        // first cost in which they differ.
        let is_beaten = |&other: &usize| {
            let (one, other) = (&points[place], &points[other]);
            one != other && other.1.iter().zip(one.1).all(|(other, one)| *other <= one)
        };
        if !front.iter().any(is_beaten) {
            front.push(place);
        }
    }
    (0..points.len()).map(|place| front.contains(&place)).collect()
}

/// The order of points: the best first, and of those that score alike the cheapest in the first
/// cost in which they differ.
fn better<const N: usize>(a: &(f64, [f64; N]), b: &(f64, [f64; N])) -> Ordering {
    let costs = a.1.iter().zip(&b.1).map(|(a, b)| a.total_cmp(b));
    costs.fold(b.0.total_cmp(&a.0), Ordering::then)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_what_nothing_beats_is_on_the_front() {
        let points = [(0.9, 5.0), (0.8, 5.0), (0.8, 2.0), (0.7, 3.0), (0.95, 9.0), (0.95, 9.0)];
        let points = points.map(|(score, cost)| (score, [cost]));
        assert_eq!(pareto_front(&points), [true, false, true, false, true, true]);
        assert_eq!(pareto_front::<3>(&[]), Vec::<bool>::new());
    }

    #[test]
    fn one_cost_of_several_is_enough() {
        let points = [(0.9, [9.0, 9.0]), (0.8, [9.5, 1.0]), (0.7, [9.6, 1.0]), (0.7, [1.0, 9.9])];
        assert_eq!(pareto_front(&points), [true, true, false, true]);
    }

    proptest! {
        #[test]
        fn the_front_is_what_its_definition_says(
            points in prop::collection::vec((0..4_u8, [0..4_u8, 0..4_u8]), 0..30)
        ) {
            let points: Vec<_> =
                points.into_iter().map(|(a, costs)| (f64::from(a), costs.map(f64::from))).collect();
            let beats = |a: &(f64, [f64; 2]), b: &(f64, [f64; 2])| {
                a != b && b.0 <= a.0 && a.1.iter().zip(b.1).all(|(a, b)| *a <= b)
            };
            let expected: Vec<bool> =
                points.iter().map(|b| !points.iter().any(|a| beats(a, b))).collect();
            prop_assert_eq!(pareto_front(&points), expected);
        }
    }
}
