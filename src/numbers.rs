//! Numbers as people read them, and what several say together.

/// A share as a percentage.
pub fn percent(share: f64) -> String {
    format!("{:.2} %", 100.0 * share)
}

/// A number with its thousands apart.
pub fn thousands(number: u64) -> String {
    if number < 1000 {
        return number.to_string();
    }
    format!("{},{:03}", thousands(number / 1000), number % 1000)
}

/// The mean; 0 of none.
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// The standard deviation of what the values were drawn from, where there are two or more.
pub fn deviation(values: &[f64]) -> Option<f64> {
    let (n, mean) = (values.len(), mean(values));
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (1 < n).then(|| (squares / (n - 1) as f64).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (3_894_372, "3,894,372"),
            (u64::MAX, "18,446,744,073,709,551,615"),
        ] {
            assert_eq!(thousands(number), text);
        }
    }

    #[test]
    fn a_share_has_two_digits_behind_its_point() {
        assert_eq!([0.715, 1.0, 0.0].map(percent), ["71.50 %", "100.00 %", "0.00 %"]);
    }

    #[test]
    fn a_deviation_takes_two_values() {
        assert_eq!((mean(&[]), deviation(&[])), (0.0, None));
        assert_eq!((mean(&[0.5]), deviation(&[0.5])), (0.5, None));
        assert_eq!((mean(&[1.0, 2.0, 3.0]), deviation(&[1.0, 2.0, 3.0])), (2.0, Some(1.0)));
        assert_eq!(deviation(&[0.9, 0.9]), Some(0.0));
    }
}
