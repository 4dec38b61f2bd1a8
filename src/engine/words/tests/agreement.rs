//! The CPU executor against candle's in f64, and against itself on any number of threads.

#![cfg(test)]

use crate::engine::cpu_exec::CpuExec;
use crate::engine::kernel::Isa;
use crate::engine::probe::{flat, in_f64, params, rng};
use crate::engine::words::tests::{ALL, PLAIN, REGULARIZED, Text, cell, tree, values, varied};
use crate::engine::{CandleExec, Executor, Gradients, Measured, Noise, Snapshot};
use crate::net::{Net, StateOf, WordNetSize};
use crate::space::{NasRnn, Space};

/// What executors make of a net and a text.
struct Found {
    grads: Gradients,
    carried: Vec<f32>,
    measured: Measured,
    read: Vec<f32>,
    logits: Vec<f64>,
}

fn found(exec: &dyn Executor, net: &Net, values: &Snapshot, text: &Text) -> Found {
    let [mut trained, mut measured, mut shown] = [text.clone(), text.clone(), text.clone()];
    let noise = Noise { rng: &mut rng(8), drop_path: 0.0 };
    let grads = exec.train(net, &params(values), trained.words().into(), noise).unwrap();
    let score = exec.measure(net, values, measured.words().into(), None).unwrap();
    let logits = exec.logits(net, values, shown.words().into(), None).unwrap();
    assert_eq!(measured.carried, shown.carried);
    Found {
        grads,
        carried: trained.carried,
        measured: score,
        read: measured.carried,
        logits: flat(&logits),
    }
}

#[track_caller]
fn close(what: &str, found: &[f64], expected: &[f64], [tolerance, least]: [f64; 2]) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let largest = expected.iter().fold(least, |largest, value| largest.max(value.abs()));
    for (place, (found, expected)) in found.iter().zip(expected).enumerate() {
        let off = (found - expected).abs();
        assert!(off <= tolerance * largest, "{what}[{place}]: {found}, not {expected}");
    }
}

/// How many words have two likeliest next ones whose logits are as good as equal.
fn near_ties(logits: &[f64], vocabulary: usize, least: f64) -> u64 {
    let largest = logits.iter().fold(least, |largest, value| largest.max(value.abs()));
    let is_tie = |row: &&[f64]| {
        let mut row = row.to_vec();
        row.sort_by(|a, b| b.total_cmp(a));
        row[0] - row[1] < 1e-5 * largest
    };
    logits.chunks_exact(vocabulary).filter(is_tie).count() as u64
}

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().copied().map(f64::from).collect()
}

#[track_caller]
fn check(exec: &CpuExec, net: &Net, shape: [usize; 2]) {
    check_from(1e-6, exec, net, shape);
}

/// The same where a tree may make next to nothing of words: what a tanh rounds is much beside that, and
/// little beside `least`.
#[track_caller]
fn check_from(least: f64, exec: &CpuExec, net: &Net, shape: [usize; 2]) {
    let (values, text) = (values(net, 3), Text::random(net, shape, 9));
    let expected = found(&CandleExec::in_f64(), net, &in_f64(&values), &text);
    let found = found(exec, net, &values, &text);
    let what = format!("{} {shape:?}", exec.name());
    close(&what, &[found.grads.loss], &[expected.grads.loss], [1e-6; 2]);
    close(&what, &[found.measured.nll], &[expected.measured.nll], [1e-6; 2]);
    assert_eq!(found.measured.items, expected.measured.items);
    // Where logits are next to equal, rounding says which word is the likeliest.
    let ties = near_ties(&expected.logits, net.image.channels, least);
    let off = found.measured.correct.abs_diff(expected.measured.correct);
    assert!(off <= ties, "{what}: {off} and {ties}");
    let off = found.grads.correct.abs_diff(expected.grads.correct) as u64;
    assert!(off <= ties, "{what}: {off} and {ties} in training");
    close(&what, &wide(&found.carried), &wide(&expected.carried), [1e-5, least]);
    close(&what, &wide(&found.read), &wide(&expected.read), [1e-5, least]);
    close(&what, &found.logits, &expected.logits, [1e-5, least]);
    assert!(found.grads.grads.keys().eq(expected.grads.grads.keys()));
    for (name, expected) in &expected.grads.grads {
        let found = &found.grads.grads[name];
        assert_eq!(found.dims(), expected.dims());
        close(&format!("{what} {name}"), &flat(found), &flat(expected), [2e-5, least]);
    }
}

#[test]
fn both_executors_compute_the_same() {
    for exec in Isa::all().into_iter().map(CpuExec::with) {
        for size in [PLAIN, REGULARIZED] {
            for (hidden, vocabulary) in [(5, 11), (16, 50), (33, 700)] {
                let size = WordNetSize { vocabulary, hidden, ..size };
                for shape in [[1, 1], [1, 9], [3, 4], [8, 2], [20, 5]] {
                    check(&exec, &size.net(varied()), shape);
                }
            }
            for function in ALL {
                check(&exec, &size.net(cell(&[(0, function), (0, function)])), [9, 3]);
            }
        }
        // More words than a block of logits has, and more rows of weights than a task: so many that
        // one would come near the kink of a ReLU.
        let size = WordNetSize { hidden: 70, vocabulary: 130, ..REGULARIZED };
        let [tanh, _, sigmoid, identity] = ALL;
        let smooth = cell(&[(0, tanh), (1, sigmoid), (1, identity)]);
        check(&exec, &size.net(smooth), [24, 20]);
    }
}

#[test]
fn both_executors_compute_the_same_of_trees() {
    for exec in Isa::all().into_iter().map(CpuExec::with) {
        for size in [PLAIN, REGULARIZED] {
            for (hidden, vocabulary) in [(5, 11), (16, 50), (33, 700)] {
                let size = WordNetSize { vocabulary, hidden, ..size };
                for (seed, shape) in (0..).zip([[1, 1], [1, 9], [3, 4], [8, 2], [20, 5]]) {
                    check_from(1e-2, &exec, &tree(&size, 2 + seed as usize, seed), shape);
                }
            }
            (0..20).for_each(|seed| check_from(1e-2, &exec, &tree(&size, 3, seed), [9, 3]));
        }
        let size = WordNetSize { hidden: 70, vocabulary: 130, ..REGULARIZED };
        let lstm = Space::NasRnn(NasRnn::default()).rules().published().unwrap();
        check_from(1e-2, &exec, &size.standalone(&lstm, StateOf::default()).unwrap(), [24, 20]);
    }
}

#[test]
fn the_same_bits_on_any_number_of_threads_and_with_used_memory() {
    let size = WordNetSize { hidden: 20, vocabulary: 130, ..REGULARIZED };
    let exec = CpuExec::new();
    let bits = |threads: usize, net: &Net| {
        let (values, text) = (values(net, 3), Text::random(net, [27, 13], 9));
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let found = pool.install(|| found(&exec, net, &values, &text));
        let mut numbers: Vec<u64> =
            found.grads.grads.values().flat_map(flat).map(f64::to_bits).collect();
        numbers.extend(found.logits.into_iter().map(f64::to_bits));
        numbers.extend([found.grads.loss, found.measured.nll].map(f64::to_bits));
        numbers.extend(wide(&[found.carried, found.read].concat()).into_iter().map(f64::to_bits));
        exec.reuse(found.grads);
        // Another net, with larger lists, in between.
        let other = WordNetSize { hidden: 24, ..PLAIN };
        let net = other.net(cell(&[(0, ALL[0]); 7]));
        let text = Text::random(&net, [30, 14], 1);
        super::agreement::found(&exec, &net, &super::values(&net, 1), &text);
        numbers
    };
    for net in [size.net(varied()), tree(&size, 4, 2)] {
        let one = bits(1, &net);
        for threads in [1, 2, 3, 8] {
            assert!(one == bits(threads, &net), "{threads} threads");
        }
    }
}

#[test]
fn a_text_in_windows_is_the_text_as_a_whole() {
    [PLAIN.net(varied()), tree(&PLAIN, 4, 2)].iter().for_each(check_windows);
}

#[track_caller]
fn check_windows(net: &Net) {
    let values = values(net, 3);
    let mut whole = Text::random(net, [4, 12], 2);
    for exec in [&CpuExec::new() as &dyn Executor, &CandleExec::new(candle_core::Device::Cpu)] {
        let mut parts = whole.clone();
        let mut sum = Measured::default();
        for from in (0..48).step_by(12) {
            let mut part = Text {
                ids: parts.ids[from..from + 12].to_vec(),
                next: parts.next[from..from + 12].to_vec(),
                ..parts.clone()
            };
            sum += exec.measure(net, &values, part.words().into(), None).unwrap();
            parts.carried = part.carried;
        }
        let mut all = whole.clone();
        let found = exec.measure(net, &values, all.words().into(), None).unwrap();
        assert!((found.nll - sum.nll).abs() < 1e-4 * found.nll, "{found:?} and {sum:?}");
        assert_eq!((found.correct, found.items), (sum.correct, sum.items));
        close("states", &wide(&parts.carried), &wide(&all.carried), [1e-5, 1e-6]);
    }
    whole.carried.clear();
    assert!(CpuExec::new().measure(net, &values, whole.words().into(), None).is_ok());
}

#[test]
fn what_does_not_fit_is_refused() {
    let net = PLAIN.net(varied());
    let values = values(&net, 3);
    for exec in [&CpuExec::new() as &dyn Executor, &CandleExec::new(candle_core::Device::Cpu)] {
        let refused = |change: fn(&mut Text), words: &str| {
            let mut text = Text::random(&net, [4, 3], 2);
            change(&mut text);
            let found = exec.measure(&net, &values, text.words().into(), None).unwrap_err();
            assert!(found.to_string().contains(words), "{found}");
        };
        refused(|text| text.ids[3] = 11, "there is no word 11: the vocabulary has 11");
        refused(|text| text.next.truncate(5), "12 words and 5 next ones are no window of 4 rows");
        refused(|text| text.rows = 5, "no window of 5 rows");
        refused(|text| text.rows = 0, "no window of 0 rows");
        refused(|text| text.carried.truncate(3), "3 numbers are no states of 4 rows of 5");
    }
}
