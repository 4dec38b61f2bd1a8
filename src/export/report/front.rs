//! The Pareto front: architectures than which no other is better in all respects.

/// Which of the points, each a score and a cost, are on the front: no other scores at least as high
/// at a lower cost, or higher at no more.
pub(super) fn front(points: &[(f64, f64)]) -> Vec<bool> {
    let mut order: Vec<usize> = (0..points.len()).collect();
    // The cheapest first, and of those the best.
    order.sort_by(|&a, &b| {
        let ((score_a, cost_a), (score_b, cost_b)) = (points[a], points[b]);
        cost_a.total_cmp(&cost_b).then(score_b.total_cmp(&score_a))
    });
    let mut is_on = vec![false; points.len()];
    let mut last: Option<(f64, f64)> = None;
    for place in order {
        let point = points[place];
        // Equals are on it together.
        if last.is_none_or(|last| last.0 < point.0 || last == point) {
            is_on[place] = true;
            last = Some(point);
        }
    }
    is_on
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_what_nothing_beats_is_on_the_front() {
        let points = [(0.9, 5.0), (0.8, 5.0), (0.8, 2.0), (0.7, 3.0), (0.95, 9.0), (0.95, 9.0)];
        assert_eq!(front(&points), [true, false, true, false, true, true]);
        assert_eq!(front(&[]), Vec::<bool>::new());
    }

    proptest! {
        #[test]
        fn the_front_is_what_its_definition_says(
            points in prop::collection::vec((0..6_u8, 0..6_u8), 0..30)
        ) {
            let points: Vec<_> =
                points.into_iter().map(|(a, b)| (f64::from(a), f64::from(b))).collect();
            let beats = |a: (f64, f64), b: (f64, f64)| {
                b.0 <= a.0 && a.1 <= b.1 && (b.0 < a.0 || a.1 < b.1)
            };
            let expected: Vec<bool> =
                points.iter().map(|&b| !points.iter().any(|&a| beats(a, b))).collect();
            prop_assert_eq!(front(&points), expected);
        }
    }
}
