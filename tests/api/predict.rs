//! `POST /v1/predict` and `enasctl predict`, with the real classifier and a champion made by hand.

use std::fs;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::process::{Command, Output, Stdio};

use enasd::actors::{ChampionStatus, RetrainingStatus};
use enasd::api::ProblemCode;
use enasd::api::wire::{PredictResult, PredictedImage};
use image::ImageFormat;
use serde_json::Value;

use crate::champion::{CLASSES, picture, picture_as, put_champion, tar};
use crate::limits::{check_problem, exchange_on};
use crate::rig::{IDENTITIES, PUBLISHED, Rig, check_refused, id, within};

/// A rig with a present champion, and with another one that is kept and was never certified.
fn rig() -> Rig {
    let rig = Rig::new();
    put_champion(&rig.champions(), PUBLISHED, 1);
    put_champion(&rig.champions(), IDENTITIES, 0);
    rig.publish(|status| {
        let champion = ChampionStatus { id: id(PUBLISHED), ..ChampionStatus::default() };
        status.finals.champion = Some(champion);
    });
    rig
}

async fn ask(rig: &Rig, query: &str, kind: &'static str, body: Vec<u8>) -> PredictResult {
    let path = format!("/v1/predict{query}");
    within(rig.client().post_bytes(&path, kind, body)).await.unwrap()
}

#[track_caller]
fn check_classified(image: &PredictedImage) {
    assert_eq!(image.error, None);
    let sum: f64 = image.classes.iter().map(|class| class.probability).sum();
    assert!((sum - 1.0).abs() < 1e-9, "{image:?}");
    let is_sorted = image.classes.is_sorted_by(|a, b| b.probability <= a.probability);
    assert!(is_sorted && image.classes.len() == 3, "{image:?}");
    assert!(image.classes.iter().all(|class| CLASSES.contains(&class.class.as_str())), "{image:?}");
}

#[tokio::test]
async fn an_image_is_classified_by_the_present_champion() {
    let rig = rig();
    let found = ask(&rig, "", "image/png", picture(1)).await;
    assert_eq!((found.id, found.certified, found.images.len()), (id(PUBLISHED), true, 1));
    assert_eq!(found.images[0].file, "image");
    check_classified(&found.images[0]);
    let first = ask(&rig, "?top=1", "image/png", picture(1)).await;
    assert_eq!(first.images[0].classes, found.images[0].classes[..1]);
    let photo = ask(&rig, "", "image/jpeg", picture_as(1, ImageFormat::Jpeg)).await;
    check_classified(&photo.images[0]);
}

#[tokio::test]
async fn a_tar_is_answered_in_its_order_and_what_is_no_image_with_the_reason() {
    let rig = rig();
    let [one, two] = [picture(1), picture(2)];
    let mut body = tar(&[("a/one.png", &one), ("a/list.csv", b"a,b\n"), ("two.png", &two)]);
    // The two blocks of zeros that end a tar.
    body.truncate(body.len() - 1024);
    let mut rest = tar::Builder::new(body);
    let mut link = tar::Header::new_gnu();
    link.set_entry_type(tar::EntryType::Symlink);
    link.set_size(0);
    rest.append_link(&mut link, "link.png", "/etc/passwd").unwrap();
    let mut folder = tar::Header::new_gnu();
    folder.set_entry_type(tar::EntryType::Directory);
    folder.set_size(0);
    rest.append_data(&mut folder, "a/", &b""[..]).unwrap();
    let found = ask(&rig, "", "application/x-tar", rest.into_inner().unwrap()).await;
    let files: Vec<&str> = found.images.iter().map(|image| image.file.as_str()).collect();
    assert_eq!(files, ["a/one.png", "a/list.csv", "two.png", "link.png"]);
    check_classified(&found.images[0]);
    check_classified(&found.images[2]);
    for (at, words) in [(1, "is text, and no image"), (3, "is no plain file")] {
        let image = &found.images[at];
        assert!(image.classes.is_empty() && image.error.as_ref().unwrap().starts_with(words));
    }
    let alone = ask(&rig, "", "image/png", two).await;
    assert_eq!(alone.images[0].classes, found.images[2].classes);
}

#[tokio::test]
async fn a_champion_is_asked_for_by_any_text_and_others_are_refused() {
    let rig = rig();
    for arch in [id(IDENTITIES), IDENTITIES.replace(' ', "+")] {
        let found = ask(&rig, &format!("?arch={arch}"), "image/png", picture(1)).await;
        assert_eq!((found.id, found.certified), (id(IDENTITIES), false));
    }
    let unknown = "0+0+0+0+0+0+0+0+0+0+0+0+0+0+0+0+0+0+0+0+0+0+0+0+0+0+0+0+0+0+0+0+0+0+0+0+0+0+0+0";
    for (query, code, words) in [
        (format!("arch={unknown}"), ProblemCode::UnknownArch, "is no champion that is kept"),
        ("arch=..%2Fbest".to_owned(), ProblemCode::BadArch, "no known form"),
        ("top=0".to_owned(), ProblemCode::BadQuery, "1 to 100"),
        ("top=101".to_owned(), ProblemCode::BadQuery, "`top` is 101; it must be 1 to 100"),
        ("tops=1".to_owned(), ProblemCode::BadQuery, "tops"),
    ] {
        let path = format!("/v1/predict?{query}");
        let found = within(rig.client().post_bytes::<Value>(&path, "image/png", picture(1))).await;
        check_refused(found, code, words);
    }
}

#[tokio::test]
async fn without_a_champion_it_is_told_what_to_do() {
    let rig = Rig::new();
    let ask = async |query: &str| {
        let path = format!("/v1/predict{query}");
        within(rig.client().post_bytes::<Value>(&path, "image/png", picture(1))).await
    };
    for query in ["", "?arch=m5-1"] {
        check_refused(ask(query).await, ProblemCode::NoChampion, "there is no champion yet");
    }
    rig.publish(|status| {
        let under_way = RetrainingStatus { trials: 3, of: 8, ..RetrainingStatus::default() };
        status.finals.retraining = Some(under_way);
    });
    let problem = crate::rig::problem(ask("").await);
    assert!(problem.message.contains("3 of 8 nets"), "{problem}");
    assert!(problem.hint.contains("final.candidates"), "{problem}");
    // Its files come a moment after the status.
    rig.publish(|status| {
        let champion = ChampionStatus { id: id(PUBLISHED), ..ChampionStatus::default() };
        status.finals.champion = Some(champion);
    });
    check_refused(ask("").await, ProblemCode::RefusedState, "are not there");
}

#[tokio::test]
async fn bodies_that_are_no_images_are_refused() {
    let rig = rig();
    let many: Vec<String> = (0..1001).map(|n| n.to_string()).collect();
    let many: Vec<(&str, &[u8])> = many.iter().map(|name| (name.as_str(), &b""[..])).collect();
    for (kind, body, words) in [
        ("application/json", picture(1), "`application/json`"),
        ("application/x-tar", picture(1), "the tar is broken"),
        ("application/x-tar", Vec::new(), "there is no image"),
        ("application/x-tar", tar(&many), "more than 1000 images"),
    ] {
        let found = within(rig.client().post_bytes::<Value>("/v1/predict", kind, body)).await;
        check_refused(found, ProblemCode::BadBody, words);
    }
}

/// Images are longer than any other body, and long ones find room after each other.
#[tokio::test]
async fn long_bodies_are_taken_here_alone_and_up_to_a_limit() {
    let rig = rig();
    let mut long = picture(1);
    long.resize(20 << 20, 0);
    for _ in 0..3 {
        check_classified(&ask(&rig, "", "image/png", long.clone()).await.images[0]);
    }
    for (path, bytes) in [("/v1/predict", (32 << 20) + 1), ("/v1/score", (64 << 10) + 1)] {
        let head = format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {bytes}\r\n\r\n");
        let stream = UnixStream::connect(rig.socket()).unwrap();
        check_problem(&exchange_on(stream, head.as_bytes()), "413", "body_too_large");
    }
}

pub(crate) fn enasctl(rig: &Rig, args: &[&str], input: &[u8]) -> Output {
    let socket = rig.socket();
    let mut child = Command::new(env!("CARGO_BIN_EXE_enasctl"))
        .args([&["predict", "--socket", socket.to_str().unwrap()], args].concat())
        .current_dir(rig.folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It need not read what it does not want.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

#[track_caller]
fn json(output: &Output) -> PredictResult {
    let told = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {told}"))
}

#[test]
fn enasctl_classifies_files_and_tells_which_are_no_images() {
    let rig = rig();
    for (name, bytes) in [("1.png", picture(1)), ("../2.png", picture(2)), ("x.csv", b"a".to_vec())]
    {
        fs::write(rig.folder.path().join("best").join(name), bytes).unwrap();
    }
    let output = enasctl(&rig, &["best/1.png", "best/../2.png", "--top", "2"], b"");
    let (text, told) = (String::from_utf8_lossy(&output.stdout), output.status);
    assert!(told.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for words in ["best/1.png", "best/../2.png", " %", &id(PUBLISHED), "certified"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let args = ["best/1.png", "best/x.csv", "best", "gone.png", "2.png", "--output", "json"];
    let output = enasctl(&rig, &args, b"");
    assert_eq!(output.status.code(), Some(1));
    let found = json(&output);
    let files: Vec<&str> = found.images.iter().map(|image| image.file.as_str()).collect();
    assert_eq!(files, args[..5]);
    check_classified(&found.images[0]);
    check_classified(&found.images[4]);
    let told = String::from_utf8_lossy(&output.stderr);
    for words in
        ["`best/x.csv` is text", "`best` is a folder", "`gone.png` cannot be read", "classified: 3"]
    {
        assert!(told.contains(words), "{words}: {told}");
    }
}

#[test]
fn enasctl_reads_a_tar_a_list_and_an_image_from_standard_input() {
    let rig = rig();
    let pictures: Vec<Vec<u8>> = (0..70).map(picture).collect();
    let names: Vec<String> = (0..70).map(|n| format!("{n}.png")).collect();
    for (name, bytes) in names.iter().zip(&pictures) {
        fs::write(rig.folder.path().join(name), bytes).unwrap();
    }
    let files: Vec<(&str, &[u8])> =
        names.iter().map(String::as_str).zip(pictures.iter().map(Vec::as_slice)).collect();
    let args = ["-", "--output", "json"];
    let of_tar = json(&enasctl(&rig, &args, &tar(&files)));
    let of_list = json(&enasctl(&rig, &args, names.join("\n").as_bytes()));
    assert_eq!(of_tar, of_list);
    let found: Vec<&str> = of_tar.images.iter().map(|image| image.file.as_str()).collect();
    assert_eq!(found, names);
    of_tar.images.iter().for_each(check_classified);
    let alone = json(&enasctl(&rig, &args, &pictures[66]));
    assert_eq!(alone.images[0].classes, of_tar.images[66].classes);
    let lines = enasctl(&rig, &["7.png", "8.png", "--output", "ndjson"], b"");
    let lines = String::from_utf8(lines.stdout).unwrap();
    let lines: Vec<PredictedImage> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines, of_tar.images[7..9]);
}

#[test]
fn a_champion_that_was_taken_away_needs_no_daemon() {
    let mut rig = rig();
    let folder = rig.folder.path();
    fs::write(folder.join("1.png"), picture(1)).unwrap();
    let asked = json(&enasctl(&rig, &["1.png", "--output", "json"], b""));
    fs::rename(folder.join("champions").join(id(PUBLISHED)), folder.join("My net")).unwrap();
    rig.stop_controller();
    let args = ["1.png", "--model", "My net", "--output", "json"];
    assert_eq!(json(&enasctl(&rig, &args, b"")), asked);
    let output = enasctl(&rig, &["1.png", "--model", "no such"], b"");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("there is no no such"));
}
