//! The cosine learning rate with warm restarts (SGDR, Loshchilov & Hutter; ENAS, section 3.2).
//!
//! ```text
//! η = η_min + ½·(η_max − η_min)·(1 + cos(π·t / T)),   T ← T_mul·T at every restart
//! ```

use crate::engine::SgdConfig;

/// The learning rate of `epoch`, counted from 0, once `share` of it is over, from 0 to below 1.
pub fn learning_rate(config: &SgdConfig, epoch: u64, share: f64) -> f64 {
    let &SgdConfig { learning_rate_max: max, learning_rate_min: min, .. } = config;
    let (mut since_restart, mut period) = (epoch, config.learning_rate_period.max(1));
    while period <= since_restart {
        since_restart -= period;
        period = period.saturating_mul(config.learning_rate_period_factor.max(1));
    }
    let angle = std::f64::consts::PI * (since_restart as f64 + share) / period as f64;
    min + 0.5 * (max - min) * (1.0 + angle.cos())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_paper_schedule_has_the_published_values() {
        let config = SgdConfig::default();
        for (epoch, expected) in [
            (0, 0.05),
            (5, 0.02525),
            (9, 0.001_711),
            (10, 0.05),
            (20, 0.02525),
            (29, 0.000_805),
            (30, 0.05),
            (69, 0.000_576),
            (70, 0.05),
            (149, 0.000_519),
        ] {
            let found = learning_rate(&config, epoch, 0.0);
            assert!((found - expected).abs() < 1e-6, "epoch {epoch}: {found}");
        }
        let long = SgdConfig { learning_rate_min: 0.0001, ..config };
        assert!((learning_rate(&long, 629, 0.0) - 0.000_101_2).abs() < 1e-7);
    }

    #[test]
    fn within_an_epoch_the_rate_falls_on() {
        let one =
            SgdConfig { learning_rate_period: 1, learning_rate_min: 0.0, ..SgdConfig::default() };
        let rate = |share| learning_rate(&one, 0, share);
        assert!((rate(0.0) - 0.05).abs() < 1e-12 && (rate(0.5) - 0.025).abs() < 1e-12);
        assert!(rate(0.999) < 1e-6);
    }

    #[test]
    fn the_far_future_has_a_rate() {
        let rate = learning_rate(&SgdConfig::default(), u64::MAX, 0.5);
        assert!((0.0005..=0.05).contains(&rate));
    }
}
