//! A net of words with drawn weights, against the engine run on a whole text at once.
#![cfg(test)]

use super::*;
use crate::data::Labels;
use crate::engine::{ExecutorChoice, initial_values};
use crate::net::{Input, NetConfig, family};
use crate::random::{Owner, generator};
use crate::space::Arch;

const ARCH: &str = "0 0 1 1 0 2 1 3 4 0";

/// More words than any text here has.
const LIMIT: usize = 10_000;

fn labels(with_unk: bool) -> WordLabels {
    let named = ["<eos>", "<unk>"].into_iter().take(1 + usize::from(with_unk)).map(str::to_owned);
    let words = named.chain((0..30).map(|n| format!("w{n:02}"))).collect();
    WordLabels { format: Labels::FORMAT, words }
}

fn net(vocabulary: usize) -> Net {
    let arch: Arch = ARCH.parse().unwrap();
    let config = NetConfig { channels: 12, ..NetConfig::default() };
    family(arch.space(), &config, Input::Words { vocabulary }).unwrap().standalone(&arch).unwrap()
}

/// Drawn so large that words differ in their probabilities.
fn weights(net: &Net) -> Snapshot {
    let mut weights =
        initial_values(&net.params(), &mut generator(7, Owner::TrialInit, 0)).unwrap();
    for tensor in weights.values_mut() {
        *tensor = tensor.affine(9.0, 0.0).unwrap();
    }
    weights
}

fn predictor(labels: &WordLabels) -> WordPredictor {
    let net = net(labels.words.len());
    let exec = ExecutorChoice::Auto.on_cpu().unwrap();
    WordPredictor::new(net.clone(), &weights(&net), labels, exec).unwrap()
}

/// What the engine makes of these words in one window.
fn whole(labels: &WordLabels, ids: &[u32]) -> (Score, Vec<Vec<f32>>) {
    let net = net(labels.words.len());
    let weights = weights(&net);
    let exec = ExecutorChoice::Candle.on_cpu().unwrap();
    let next: Vec<u32> = ids[1..].iter().copied().chain([0]).collect();
    let n = ids.len() - 1;
    let words = Words { ids: &ids[..n], next: &next[..n], rows: 1, carried: &mut Vec::new() };
    let score = exec.measure(&net, &weights, words.into(), None).unwrap();
    let words = Words { ids, next: &next, rows: 1, carried: &mut Vec::new() };
    let logits = exec.logits(&net, &weights, words.into(), None).unwrap();
    (score, logits.to_vec2().unwrap())
}

/// Lines of which one has more words than are read at once, some have none, and the last is not
/// ended; how many words each has.
fn text() -> (String, Vec<usize>) {
    let lengths = vec![1, 0, 5, 300, 0, 0, 17, 120, 3];
    let mut number = 0;
    let lines = lengths.iter().map(|&words| {
        let words = (0..words).map(|_| {
            number += 7;
            format!("w{:02}", number * number % 30)
        });
        words.collect::<Vec<_>>().join(" ")
    });
    (lines.collect::<Vec<_>>().join("\n"), lengths)
}

#[track_caller]
fn check_near(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-4 * expected.abs().max(1.0), "{found}, not {expected}");
}

#[test]
fn each_line_has_the_cross_entropy_of_its_words_and_all_together_that_of_the_text() {
    let (labels, (text, lengths)) = (labels(true), text());
    let predictor = predictor(&labels);
    let ids = predictor.vocabulary.encode(&text, LIMIT).unwrap().concat();
    let (measured, logits) = whole(&labels, &ids);
    let found = predictor.predict(text.as_bytes(), 0, LIMIT).unwrap();
    assert!(found.next.is_empty());
    assert_eq!((found.whole().items, found.whole().correct), (measured.items, measured.correct));
    check_near(found.whole().nll, measured.nll);

    // All lines but the last have an end, and the first word of all is not predicted.
    let mut words: Vec<usize> = lengths.iter().map(|words| words + 1).collect();
    *words.last_mut().unwrap() -= 1;
    words[0] -= 1;
    let items: Vec<usize> = found.lines.iter().map(|line| line.items as usize).collect();
    assert_eq!(items, words);
    let mut at = 1;
    for line in &found.lines {
        let words = at..at + line.items as usize;
        let nll = words.map(|at| -softmax(&logits[at - 1]).unwrap()[ids[at] as usize].ln());
        check_near(line.nll, nll.sum());
        at += line.items as usize;
    }
}

#[test]
fn the_words_that_may_follow_are_those_of_the_softmax_after_the_last_one() {
    let (labels, (text, _)) = (labels(true), text());
    let predictor = predictor(&labels);
    let ids = predictor.vocabulary.encode(&text, LIMIT).unwrap().concat();
    let (_, logits) = whole(&labels, &ids);
    let expected = softmax(logits.last().unwrap()).unwrap();
    let all = predictor.predict(text.as_bytes(), 1000, LIMIT).unwrap().next;
    assert_eq!(all.len(), labels.words.len());
    assert!(all.is_sorted_by(|a, b| b.probability <= a.probability), "{all:?}");
    assert!((all.iter().map(|next| next.probability).sum::<f64>() - 1.0).abs() < 1e-9);
    for WordProbability { word, probability } in &all {
        let id = labels.words.iter().position(|known| known == word).unwrap();
        check_near(*probability, expected[id]);
    }
    assert_eq!(predictor.predict(text.as_bytes(), 3, LIMIT).unwrap().next, all[..3]);
}

#[test]
fn a_text_of_one_word_has_no_perplexity_and_may_go_on() {
    let predictor = predictor(&labels(true));
    let found = predictor.predict(b"w01", 2, LIMIT).unwrap();
    assert_eq!((found.lines, found.next.len()), (vec![Score::default()], 2));
    // Its end is one more.
    let found = predictor.predict(b"w01\n", 0, LIMIT).unwrap();
    assert_eq!((found.lines.len(), found.whole().items), (1, 1));
}

#[test]
fn unknown_words_and_the_marks_of_editors_are_read_as_in_the_splits() {
    let predictor = predictor(&labels(true));
    let read = |text: &str| predictor.predict(text.as_bytes(), 5, LIMIT).unwrap();
    // The words alone are told apart.
    let expected = TextPrediction { unknown: 1, ..read("w01 <unk> w02\nw03\n") };
    assert_eq!(read("w01 dog w02\nw03\n"), expected);
    assert_eq!(read("\u{feff}w01  dog\tw02 \r\nw03\r\n"), expected);
    assert_ne!(read("w01 dog w02\nw03"), expected);
}

#[test]
fn what_is_no_text_is_refused_with_its_place() {
    let (with_unk, without) = (predictor(&labels(true)), predictor(&labels(false)));
    for (predictor, text, expected) in [
        (&with_unk, &b"w01\ncaf\xe9 w02"[..], "is no UTF-8 at byte 7 of the text"),
        (&with_unk, b"", "holds no word; put text there"),
        (&with_unk, b" \n\r\n", "holds no word; put text there"),
        (&with_unk, b"w01 w02\nw03 w04", "has more than 4 words by line 2"),
        (&without, b"w01\nw02 do\x1b", "has the word `do\\u001b` in line 2, which the training"),
    ] {
        let fault = predictor.predict(text, 1, 4).unwrap_err().to_string();
        assert!(fault.starts_with(expected), "{fault}");
    }
}

#[test]
fn what_does_not_belong_together_is_refused() {
    let whole = labels(true);
    let (net, exec) = (net(32), ExecutorChoice::Auto.on_cpu().unwrap());
    let weights = weights(&net);
    let refused = |weights: &Snapshot, labels: &WordLabels| {
        let found = WordPredictor::new(net.clone(), weights, labels, exec.clone());
        found.map(|_| ()).unwrap_err().to_string()
    };
    assert!(
        refused(&weights, &labels(false)).starts_with("31 words are told of a net that has 32")
    );
    let mut swapped = whole.clone();
    swapped.words.swap(3, 4);
    assert!(refused(&weights, &swapped).contains("not in the order of their bytes"));
    for name in weights.keys() {
        let mut lacking = weights.clone();
        lacking.remove(name);
        assert!(refused(&lacking, &whole).contains(&format!("have no `{name}`")));
    }
}

#[test]
fn spoilt_weights_are_told() {
    let whole = labels(true);
    let (net, exec) = (net(32), ExecutorChoice::Auto.on_cpu().unwrap());
    for text in ["w01 w02", "w01"] {
        for (name, tensor) in weights(&net) {
            let mut spoilt = weights(&net);
            spoilt.insert(name, tensor.affine(f64::NAN, 0.0).unwrap());
            let found = WordPredictor::new(net.clone(), &spoilt, &whole, exec.clone()).unwrap();
            let fault = found.predict(text.as_bytes(), 1, LIMIT).unwrap_err();
            assert!(matches!(fault, WordFault::NotANumber), "{fault}");
        }
    }
}

#[test]
fn words_that_the_net_does_not_know_are_counted() {
    let predictor = predictor(&labels(true));
    for (text, expected) in [("w01 w02", 0), ("zzz w01\n<unk> yyy zzz\n", 3)] {
        let found = predictor.predict(text.as_bytes(), 1, LIMIT).unwrap();
        assert_eq!(found.unknown, expected, "{text}");
    }
}
