//! Every series of the catalogue, registered at the start and never after.
//!
//! The recorder is a value of its own, not the process-wide one: several can live side by side,
//! and no library can add series to it. A series is found by its metric and the places of its
//! label values, so one that the catalogue does not list cannot come to be.

use std::collections::BTreeMap;

use metrics::{Counter, Gauge, Histogram, Key, Level, Metadata, Recorder};
use metrics_exporter_prometheus::{
    Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder,
};
use metrics_process::Collector;

use super::TelemetryError;
use super::catalog::{CATALOG, Definition, Kind, Start};
use super::clock::unix_time;
use super::setup::MetricsSetup;

/// The content type of a scrape: Prometheus' text format.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

const METADATA: Metadata<'static> = Metadata::new("enasd", Level::INFO, None);

/// The series of one metric, for all combinations of label values; the last label runs fastest.
struct Family<H> {
    widths: Vec<usize>,
    series: Vec<H>,
}

impl<H> Family<H> {
    fn get(&self, places: &[usize]) -> Option<&H> {
        if places.len() != self.widths.len() {
            return None;
        }
        let mut idx = 0;
        for (&place, &width) in places.iter().zip(&self.widths) {
            if width <= place {
                return None;
            }
            idx = idx * width + place;
        }
        self.series.get(idx)
    }
}

type Families<H> = BTreeMap<&'static str, Family<H>>;

/// All series, and the recorder that holds their values.
pub(super) struct Registry {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
    process: Collector,
    counters: Families<Counter>,
    gauges: Families<Gauge>,
    histograms: Families<Histogram>,
}

impl Registry {
    /// Registers the whole catalogue, each series at its value before the first measurement.
    pub(super) fn new(setup: &MetricsSetup) -> Result<Self, TelemetryError> {
        setup.checked()?;
        let recorder = recorder();
        let handle = recorder.handle();
        let mut registry = Self {
            recorder,
            handle,
            process: Collector::default(),
            counters: BTreeMap::new(),
            gauges: BTreeMap::new(),
            histograms: BTreeMap::new(),
        };
        metrics::with_local_recorder(&registry.recorder, || registry.process.describe());
        for metric in CATALOG {
            registry.register(metric, setup);
        }
        Ok(registry)
    }

    fn register(&mut self, metric: &Definition, setup: &MetricsSetup) {
        let recorder = &self.recorder;
        let name = metric.name;
        match metric.kind {
            Kind::Counter => {
                recorder.describe_counter(name.into(), None, metric.help.into());
                let family = family(metric, setup, |key| {
                    let counter = recorder.register_counter(key, &METADATA);
                    counter.absolute(0);
                    counter
                });
                self.counters.insert(name, family);
            }
            Kind::Gauge => {
                recorder.describe_gauge(name.into(), None, metric.help.into());
                let family = family(metric, setup, |key| {
                    let gauge = recorder.register_gauge(key, &METADATA);
                    gauge.set(first_value(metric.start));
                    gauge
                });
                self.gauges.insert(name, family);
            }
            Kind::Histogram(_) => {
                recorder.describe_histogram(name.into(), None, metric.help.into());
                let family =
                    family(metric, setup, |key| recorder.register_histogram(key, &METADATA));
                self.histograms.insert(name, family);
            }
        }
    }

    /// Adds to the counter at these places of its labels' values.
    pub(super) fn count(&self, metric: &Definition, places: &[usize], by: u64) {
        if let Some(counter) = series(&self.counters, metric, places) {
            counter.increment(by);
        }
    }

    /// Has the counter at these places of its labels' values stand at `total`, if it is below.
    pub(super) fn count_to(&self, metric: &Definition, places: &[usize], total: u64) {
        if let Some(counter) = series(&self.counters, metric, places) {
            counter.absolute(total);
        }
    }

    /// Sets the gauge at these places of its labels' values.
    pub(super) fn set(&self, metric: &Definition, places: &[usize], value: f64) {
        if let Some(gauge) = series(&self.gauges, metric, places) {
            gauge.set(value);
        }
    }

    /// Adds to the gauge at these places of its labels' values.
    pub(super) fn add(&self, metric: &Definition, places: &[usize], by: f64) {
        if let Some(gauge) = series(&self.gauges, metric, places) {
            gauge.increment(by);
        }
    }

    /// Adds an observation to the histogram at these places of its labels' values.
    pub(super) fn observe(&self, metric: &Definition, places: &[usize], value: f64) {
        if let Some(histogram) = series(&self.histograms, metric, places) {
            histogram.record(value);
        }
    }

    /// The scrape: metrics by name, series by labels.
    pub(super) fn render(&self) -> String {
        metrics::with_local_recorder(&self.recorder, || self.process.collect());
        sorted(&self.handle.render())
    }

    /// Moves observations into their buckets; without it they pile up until the next scrape.
    pub(super) fn run_upkeep(&self) {
        self.handle.run_upkeep();
    }
}

fn recorder() -> PrometheusRecorder {
    let mut builder = PrometheusBuilder::new();
    for metric in CATALOG {
        if let Kind::Histogram(bounds) = metric.kind {
            builder = builder
                .set_buckets_for_metric(Matcher::Full(metric.name.to_owned()), bounds)
                .expect("a test of the catalogue shows that no metric has an empty list of bounds");
        }
    }
    builder.build_recorder()
}

fn first_value(start: Start) -> f64 {
    match start {
        Start::Zero => 0.0,
        Start::One => 1.0,
        Start::Unknown => f64::NAN,
        Start::SetUpTime => seconds_since_1970(),
    }
}

/// The clock, as a `_timestamp_seconds` metric tells it.
pub(super) fn seconds_since_1970() -> f64 {
    unix_time().as_secs_f64()
}

fn family<H>(metric: &Definition, setup: &MetricsSetup, register: impl Fn(&Key) -> H) -> Family<H> {
    let mut rows = vec![Vec::new()];
    let mut widths = Vec::new();
    for &label in metric.labels {
        let values: Vec<Vec<_>> = setup.values(label).into_iter().map(series_labels).collect();
        widths.push(values.len());
        let longer = |row: &Vec<_>| {
            values.iter().map(|value| [&row[..], value].concat()).collect::<Vec<_>>()
        };
        rows = rows.iter().flat_map(longer).collect();
    }
    let series = rows.into_iter().map(|row| register(&Key::from_parts(metric.name, row)));
    Family { widths, series: series.collect() }
}

fn series_labels(pairs: Vec<(&'static str, String)>) -> Vec<metrics::Label> {
    pairs.into_iter().map(|(name, value)| metrics::Label::new(name, value)).collect()
}

fn series<'a, H>(
    families: &'a Families<H>,
    metric: &Definition,
    places: &[usize],
) -> Option<&'a H> {
    let found = families.get(metric.name).and_then(|family| family.get(places));
    debug_assert!(found.is_some(), "{} has no series at {places:?}", metric.name);
    found
}

/// The recorder renders in the order of its hash tables, which differs from scrape to scrape.
fn sorted(scrape: &str) -> String {
    let mut blocks: Vec<String> = scrape.split_terminator("\n\n").map(sorted_block).collect();
    blocks.sort_unstable();
    blocks.concat()
}

/// Sorts the samples of one metric; those of a histogram are in order of their bounds already.
fn sorted_block(block: &str) -> String {
    let (head, mut samples): (Vec<&str>, Vec<&str>) =
        block.lines().partition(|line| line.starts_with('#'));
    if !head.iter().any(|line| line.ends_with(" histogram") && line.starts_with("# TYPE")) {
        samples.sort_unstable();
    }
    head.iter().chain(&samples).flat_map(|line| [line, "\n"]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::catalog::{MAX_SERIES, REWARD, STEP_DURATION};
    use crate::telemetry::setup::tests::largest;

    #[test]
    fn every_series_is_there_from_the_start() {
        let setup = largest();
        let scrape = Registry::new(&setup).unwrap().render();
        let check = |name: &str, expected: usize| {
            let lines = scrape.lines().filter_map(|line| line.strip_prefix(name));
            let count = lines.filter(|rest| rest.starts_with([' ', '{'])).count();
            assert_eq!(count, expected, "{name}");
        };
        for Definition { name, kind, labels, .. } in CATALOG {
            let series = labels.iter().map(|label| setup.values(*label).len()).product();
            if let Kind::Histogram(bounds) = kind {
                check(&format!("{name}_bucket"), series * (bounds.len() + 1));
                check(&format!("{name}_sum"), series);
                check(&format!("{name}_count"), series);
            } else {
                check(name, series);
            }
        }
    }

    #[test]
    fn the_largest_setup_stays_within_the_bound_on_series() {
        let registry = Registry::new(&largest()).unwrap();
        let count = |scrape: String| scrape.lines().filter(|line| !line.starts_with('#')).count();
        let first = count(registry.render());
        assert!(first <= MAX_SERIES, "{first} series");
        assert_eq!(count(registry.render()), first);
    }

    #[test]
    fn every_metric_has_a_help_and_a_type() {
        let scrape = Registry::new(&largest()).unwrap().render();
        for line in scrape.lines().filter(|line| !line.starts_with('#')) {
            let name = line.split(['{', ' ']).next().unwrap();
            let stem = ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|end| name.strip_suffix(end))
                .filter(|stem| scrape.contains(&format!("# TYPE {stem} histogram")))
                .unwrap_or(name);
            assert!(scrape.contains(&format!("# HELP {stem} ")), "{name} has no help");
            assert!(scrape.contains(&format!("# TYPE {stem} ")), "{name} has no type");
        }
    }

    #[test]
    fn starting_values_say_what_is_known() {
        let scrape = Registry::new(&largest()).unwrap().render();
        for line in [
            "enas_build_info{version=\"1.2.3\"} 1",
            "enas_device_info{wanted=\"auto\",used=\"cuda\"} 1",
            "enas_steps_total{net=\"policy\"} 0",
            "enas_reward{arm=\"random\"} NaN",
            "enas_checkpoint_last_success_timestamp_seconds 0",
            "enas_step_duration_seconds_count{net=\"shared\"} 0",
            "enas_api_requests_total{route=\"other\",code_class=\"5xx\"} 0",
        ] {
            assert!(scrape.lines().any(|found| found == line), "{line} is not in\n{scrape}");
        }
        let started = scrape
            .lines()
            .find_map(|line| {
                line.strip_prefix("enas_last_progress_timestamp_seconds{actor=\"keeper\"} ")
            })
            .unwrap();
        assert!((seconds_since_1970() - started.parse::<f64>().unwrap()).abs() < 60.0);
    }

    #[test]
    fn two_registries_do_not_share_numbers() {
        let [first, second] = [0, 1].map(|_| Registry::new(&largest()).unwrap());
        first.set(&REWARD, &[1], 0.5);
        assert!(first.render().contains("enas_reward{arm=\"random\"} 0.5\n"));
        assert!(second.render().contains("enas_reward{arm=\"random\"} NaN\n"));
    }

    #[test]
    fn a_series_off_the_table_is_not_found() {
        let registry = Registry::new(&largest()).unwrap();
        let family = &registry.gauges[REWARD.name];
        assert!(family.get(&[1]).is_some());
        for places in [&[2][..], &[], &[0, 0]] {
            assert!(family.get(places).is_none(), "{places:?}");
        }
    }

    #[test]
    fn scrapes_come_in_one_order_with_bounds_ascending() {
        let registry = Registry::new(&largest()).unwrap();
        registry.observe(&STEP_DURATION, &[0], 0.3);
        let scrape = registry.render();
        let names = |scrape: &str| -> Vec<String> {
            let types = scrape.lines().filter(|line| line.starts_with("# TYPE"));
            types.map(str::to_owned).collect()
        };
        assert!(names(&scrape).is_sorted());
        let bounds: Vec<f64> = scrape
            .lines()
            .filter(|line| line.starts_with("enas_step_duration_seconds_bucket{net=\"shared\""))
            .map(|line| line.split('"').nth(3).unwrap().parse().unwrap())
            .collect();
        assert!(bounds.is_sorted() && bounds.len() == 12, "{bounds:?}");
    }
}
