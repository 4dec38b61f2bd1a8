//! `POST /v1/predict` and `enasctl predict` of text, with the real classifier and a champion made by
//! hand that reads words.

use std::fs;
use std::process::Output;

use enasd::actors::ChampionStatus;
use enasd::api::ProblemCode;
use enasd::api::wire::{PredictResult, PredictedLine, PredictedWord, TextResult};
use enasd::engine::{Snapshot, Words};
use enasd::net::Net;
use serde_json::Value;

use crate::champion::{READER, corpus, exec, picture, put_champion, put_reader};
use crate::predict::enasctl;
use crate::rig::{PUBLISHED, Rig, check_refused, id, within};

const TEXT: &str = "the cat sat on the dog\n\nsat sat\non the";

/// A rig whose champion reads words, and what that is.
fn rig(with_unk: bool) -> (Rig, (Net, Snapshot)) {
    let rig = Rig::new();
    let net = put_reader(&rig.champions(), corpus(with_unk));
    rig.publish(|status| {
        let champion = ChampionStatus { id: id(READER), ..ChampionStatus::default() };
        status.finals.champion = Some(champion);
        "perplexity".clone_into(&mut status.objective);
    });
    (rig, net)
}

/// The same of images.
fn rig_of_images() -> Rig {
    let rig = Rig::new();
    put_champion(&rig.champions(), PUBLISHED, 1);
    rig.publish(|status| {
        let champion = ChampionStatus { id: id(PUBLISHED), ..ChampionStatus::default() };
        status.finals.champion = Some(champion);
    });
    rig
}

async fn ask(rig: &Rig, query: &str, text: &[u8]) -> TextResult {
    let path = format!("/v1/predict{query}");
    within(rig.client().post_bytes(&path, "text/plain", text.to_vec())).await.unwrap()
}

/// The cross-entropy of all words of [`TEXT`] but the first, as the engine measures it at once.
fn measured((net, weights): &(Net, Snapshot)) -> f64 {
    let corpus = corpus(true);
    let ids: Vec<u32> =
        corpus.vocabulary().encode(TEXT, 100).unwrap().into_iter().flatten().collect();
    let n = ids.len() - 1;
    let words = Words { ids: &ids[..n], next: &ids[1..], rows: 1, carried: &mut Vec::new() };
    exec().measure(net, weights, words.into(), None).unwrap().nll
}

#[tokio::test]
async fn a_text_is_predicted_line_by_line_by_the_present_champion() {
    let (rig, net) = rig(true);
    let found = ask(&rig, "", TEXT.as_bytes()).await;
    assert_eq!((found.id.as_str(), found.certified), (id(READER).as_str(), true));
    let words: Vec<(u64, u64)> = found.lines.iter().map(|line| (line.line, line.words)).collect();
    assert_eq!((words, found.words), (vec![(1, 6), (2, 1), (3, 3), (4, 2)], 12));
    let nll = |words: u64, perplexity: Option<f64>| words as f64 * perplexity.unwrap().ln();
    let sum: f64 = found.lines.iter().map(|line| nll(line.words, line.perplexity)).sum();
    let expected = measured(&net);
    for found in [sum, nll(found.words, found.perplexity)] {
        assert!((found - expected).abs() < 1e-4, "{found}, not {expected}");
    }
    assert!(found.next.is_empty());
    let alone = ask(&rig, "?words=1", b"the").await;
    assert_eq!((alone.words, alone.perplexity, alone.next.len()), (0, None, 1));
    assert_eq!(alone.lines, [PredictedLine { line: 1, words: 0, perplexity: None }]);
}

#[tokio::test]
async fn as_many_likely_words_follow_as_are_asked_for() {
    let (rig, _) = rig(true);
    let all = ask(&rig, "?words=1000", TEXT.as_bytes()).await;
    assert!((all.next.iter().map(|next| next.probability).sum::<f64>() - 1.0).abs() < 1e-9);
    assert!(all.next.is_sorted_by(|a, b| b.probability <= a.probability), "{:?}", all.next);
    let mut words: Vec<&str> = all.next.iter().map(|next| next.word.as_str()).collect();
    words.sort_unstable();
    assert_eq!(words, ["<eos>", "<unk>", "cat", "on", "sat", "the"]);
    let some = ask(&rig, &format!("?words=2&arch={}", id(READER)), TEXT.as_bytes()).await;
    assert_eq!((some.lines, some.next), (all.lines, all.next[..2].to_vec()));
}

#[tokio::test]
async fn what_a_net_cannot_read_is_refused_with_the_reason() {
    let (rig, _) = rig(false);
    let long = "the ".repeat(50_001);
    for (text, code, words) in [
        (&b"the caf\xe9"[..], ProblemCode::RefusedRequest, "is no UTF-8 at byte 7"),
        (b"", ProblemCode::RefusedRequest, "the text holds no word"),
        (b"\n\n", ProblemCode::RefusedRequest, "the text holds no word"),
        (b"the\ndog", ProblemCode::RefusedRequest, "has the word `dog` in line 2"),
        (long.as_bytes(), ProblemCode::RefusedRequest, "has more than 50000 words by line 1"),
        (&vec![b' '; (1 << 20) + 1], ProblemCode::BodyTooLarge, "1048577 bytes, of at most"),
    ] {
        let body = text.to_vec();
        let asked = rig.client();
        let found = within(asked.post_bytes::<Value>("/v1/predict", "text/plain", body)).await;
        check_refused(found, code, words);
    }
    for (query, words) in
        [("words=0", "`words` is 0; it must be 1 to 1000"), ("words=1001", "1 to 1000")]
    {
        let path = format!("/v1/predict?{query}");
        let found =
            within(rig.client().post_bytes::<Value>(&path, "text/plain", b"the".to_vec())).await;
        check_refused(found, ProblemCode::BadQuery, words);
    }
}

#[tokio::test]
async fn a_net_is_given_what_it_reads() {
    for (rig, kind, body, words) in [
        (rig(true).0, "image/png", picture(1), "reads words, and no images; give it a text"),
        (rig_of_images(), "text/plain", b"the".to_vec(), "reads images, and no text; give it"),
    ] {
        let found = within(rig.client().post_bytes::<Value>("/v1/predict", kind, body)).await;
        check_refused(found, ProblemCode::RefusedRequest, words);
    }
}

#[track_caller]
fn json(output: &Output) -> TextResult {
    let told = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {told}"))
}

#[track_caller]
fn check_failed(output: &Output, code: i32, words: &str) {
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains(words), "{told}");
    assert_eq!((output.status.code(), output.stdout.len()), (Some(code), 0), "{told}");
}

#[test]
fn enasctl_reads_a_text_from_standard_input_or_a_file() {
    let (rig, _) = rig(true);
    fs::write(rig.folder.path().join("a.txt"), TEXT).unwrap();
    let args = ["--words", "3", "--output", "json"];
    let found = json(&enasctl(&rig, &args, TEXT.as_bytes()));
    assert_eq!((found.lines.len(), found.next.len(), found.words), (4, 3, 12));
    for (file, input) in [("a.txt", ""), ("-", TEXT)] {
        let args = [&[file][..], &args].concat();
        assert_eq!(json(&enasctl(&rig, &args, input.as_bytes())), found);
    }
    let output = enasctl(&rig, &["--words", "2"], TEXT.as_bytes());
    let text = String::from_utf8_lossy(&output.stdout);
    for words in [
        "line",
        "the cat sat on the dog",
        "next",
        &found.next[0].word,
        " %",
        "of 12 words, by ",
        ", certified on a test split",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let output = enasctl(&rig, &["--words", "1", "--output", "ndjson"], b"the cat\n");
    let lines: Vec<&[u8]> = output.stdout.trim_ascii_end().split(|&byte| byte == b'\n').collect();
    let [line, next] = lines[..] else { panic!("{lines:?}") };
    assert_eq!(serde_json::from_slice::<PredictedLine>(line).unwrap().words, 2);
    assert_ne!(serde_json::from_slice::<PredictedWord>(next).unwrap().word, "");
}

#[test]
fn enasctl_says_why_there_is_no_text() {
    let (rig, _) = rig(false);
    check_failed(&enasctl(&rig, &["a", "b"], b""), 2, "one text at a time");
    check_failed(&enasctl(&rig, &["gone.txt"], b""), 1, "cannot read gone.txt: No such file");
    check_failed(&enasctl(&rig, &["."], b""), 1, "cannot read .: Is a directory");
    check_failed(&enasctl(&rig, &[], b"the dog"), 1, "has the word `dog` in line 1");
    check_failed(&enasctl(&rig, &["--words", "0"], b"the"), 2, "it must be 1 to 1000");
    let long = vec![b'a'; (1 << 20) + 1];
    check_failed(&enasctl(&rig, &[], &long), 1, "standard input has more than 1048576 bytes");
}

#[test]
fn enasctl_tells_a_net_of_images_from_one_of_words() {
    let rig = rig_of_images();
    check_failed(&enasctl(&rig, &[], b"the cat"), 2, "the net reads images");
    check_failed(&enasctl(&rig, &["1.png", "--words", "1"], b""), 2, "`--words` is of nets that");
    fs::write(rig.folder.path().join("1.png"), picture(1)).unwrap();
    let output = enasctl(&rig, &["1.png", "--output", "json"], b"");
    assert!(serde_json::from_slice::<PredictResult>(&output.stdout).is_ok());
}

#[test]
fn a_champion_of_words_that_was_taken_away_needs_no_daemon() {
    let (mut rig, _) = rig(false);
    let folder = rig.folder.path();
    let args = ["--words", "2", "--output", "json"];
    let asked = json(&enasctl(&rig, &args, b"the cat\nsat"));
    fs::rename(folder.join("champions").join(id(READER)), folder.join("My net")).unwrap();
    rig.stop_controller();
    let args = [&args[..], &["--model", "My net"]].concat();
    assert_eq!(json(&enasctl(&rig, &args, b"the cat\nsat")), asked);
    for (text, words) in [
        (&b"the\ndog"[..], "standard input has the word `dog` in line 2"),
        (b"\xff", "standard input is no UTF-8 at byte 0"),
        (b"", "standard input holds no word"),
    ] {
        check_failed(&enasctl(&rig, &["--model", "My net"], text), 1, words);
    }
}
