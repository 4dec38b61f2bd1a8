//! Commands: what reaches the controller, and what comes of its answers.

use std::time::Duration;

use enasd::api::wire::{
    ConvertRequest, ConvertResult, Done, RetrainRequest, RetrainResult, SampleArm, SampleRequest,
    SampleResult, ScoreRequest, ScoreResult,
};
use enasd::api::{Limits, ProblemCode};
use enasd::space::{Arch, SpaceKind};
use serde_json::{Value, json};

use crate::rig::{IDENTITIES, PUBLISHED, Rig, check_refused, id, within};

#[tokio::test]
async fn any_text_form_is_scored() {
    let rig = Rig::new();
    let native = |text: &str| text.parse::<Arch>().unwrap().to_string();
    assert_ne!(native(&id(PUBLISHED)), native(PUBLISHED));
    for (arch, form) in
        [(PUBLISHED.to_owned(), "numbers"), (native(PUBLISHED), "native"), (id(PUBLISHED), "id")]
    {
        let request = ScoreRequest { arch };
        let result: ScoreResult = within(rig.client().post("/v1/score", &request)).await.unwrap();
        assert_eq!((&result.id, &result.form[..]), (&id(PUBLISHED), form));
        // By its id too it is scored as it was drawn.
        assert_eq!(result.arch, native(PUBLISHED));
        assert_eq!((result.score.correct, result.score.items, result.step), (450, 600, 17));
        assert!((result.score.accuracy - 0.75).abs() < 1e-12);
        // Above two of three rewards.
        assert!((result.percentile.unwrap() - 200.0 / 3.0).abs() < 1e-9);
        assert!(0 < result.params && 0 < result.multiply_adds);
        // enas-spec, section 9.1: 6 layers, 20 channels.
        assert_eq!(result.standalone.params, 608_540);
        let [low, high] = result.interval.unwrap();
        assert!(0.71 < low && low < 0.75 && 0.75 < high && high < 0.79, "{low} to {high}");
        // Itself is no neighbor.
        let near = &result.nearest[..];
        assert_eq!((near.len(), &near[0].id), (1, &id(IDENTITIES)));
        assert!(0 < near[0].differs && near[0].differs < near[0].of && near[0].of == 40);
    }
}

#[tokio::test]
async fn an_architecture_is_retrained_or_refused_in_the_controllers_words() {
    let rig = Rig::new();
    let ask = async |arch: &str| {
        let request = RetrainRequest { arch: arch.to_owned() };
        within(rig.client().post::<RetrainResult>("/v1/retrain", &request)).await
    };
    let result = ask(PUBLISHED).await.unwrap();
    assert_eq!((result.id, &result.form[..]), (id(PUBLISHED), "numbers"));
    assert_eq!((result.place, result.params), (2, 3_894_372));
    assert_eq!((result.epochs, result.seeds, result.step), (630, 2, 17));
    check_refused(ask(IDENTITIES).await, ProblemCode::RefusedState, "16 architectures wait");
    check_refused(ask("swish").await, ProblemCode::BadArch, "no known form");
}

/// A reduction cell that never reads node 0.
const UNREAD: &str = "0 0 1 0 0 0 1 0 1 0 1 0 1 0 1 0";

#[tokio::test]
async fn an_architecture_is_written_in_the_forms_of_others() {
    let rig = Rig::new();
    let convert = async |arch: &str, space, to: Option<&str>| {
        let request = ConvertRequest { arch: arch.to_owned(), space, to: to.map(str::to_owned) };
        let result: Result<ConvertResult, _> =
            within(rig.client().post("/v1/archs:convert", &request)).await;
        result.unwrap()
    };
    let all = convert(PUBLISHED, None, None).await;
    assert_eq!((all.id.as_str(), all.refused.len()), (id(PUBLISHED).as_str(), 0));
    assert!(all.texts.keys().eq(["genotype", "native", "nni", "numbers"]), "{all:?}");
    for text in all.texts.values() {
        // Any of them is read in turn, and `to` writes one alone.
        let one = convert(text, None, Some("numbers")).await;
        assert_eq!(
            one.texts.into_iter().collect::<Vec<_>>(),
            [("numbers".into(), PUBLISHED.into())]
        );
    }
    let unread = convert(UNREAD, None, None).await;
    assert!(unread.texts.keys().eq(["native", "numbers"]), "{unread:?}");
    assert!(unread.refused.keys().eq(["genotype", "nni"]), "{unread:?}");
    assert!(unread.refused["nni"].contains("NNI does not"), "{unread:?}");
    let net = convert("[[0], [1, 0], [2, 0, 1]]", Some(SpaceKind::WholeNet), Some("rows")).await;
    assert_eq!(net.texts["rows"], "0\n1 0\n2 0 1");
}

#[tokio::test]
async fn wrong_bodies_are_refused_in_words() {
    let rig = Rig::new();
    for (path, body, code, words) in [
        ("/v1/score", json!({}), ProblemCode::BadBody, "arch"),
        ("/v1/score", json!({ "arch": "m5-0" }), ProblemCode::BadArch, "m5-0"),
        (
            "/v1/score",
            json!({ "arch": "0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0" }),
            ProblemCode::BadArch,
            "2 nodes",
        ),
        ("/v1/score", json!({ "arch": PUBLISHED, "now": 1 }), ProblemCode::BadBody, "now"),
        ("/v1/archs:convert", json!({}), ProblemCode::BadBody, "arch"),
        ("/v1/archs:convert", json!({ "arch": "swish" }), ProblemCode::BadArch, "no known form"),
        (
            "/v1/archs:convert",
            json!({ "arch": PUBLISHED, "to": "keras" }),
            ProblemCode::BadBody,
            "it writes native, numbers, genotype, nni",
        ),
        (
            "/v1/archs:convert",
            json!({ "arch": PUBLISHED, "space": "macro" }),
            ProblemCode::BadBody,
            "macro",
        ),
        (
            "/v1/archs:convert",
            json!({ "arch": UNREAD, "to": "genotype" }),
            ProblemCode::BadArch,
            "DARTS does not",
        ),
        ("/v1/sample", json!({ "count": 0 }), ProblemCode::BadBody, "1 to 1000"),
        ("/v1/sample", json!({ "count": 1001 }), ProblemCode::BadBody, "1 to 1000"),
        ("/v1/sample", json!({ "count": 1, "arm": "leg" }), ProblemCode::BadBody, "leg"),
    ] {
        let found = within(rig.client().post::<Value>(path, &body)).await;
        check_refused(found, code, words);
    }
}

#[tokio::test]
async fn samples_come_from_the_arm_and_the_seed_asked_for() {
    let rig = Rig::new();
    let request = SampleRequest { count: 2, seed: Some(9), arm: SampleArm::Random };
    let result: SampleResult = within(rig.client().post("/v1/sample", &request)).await.unwrap();
    assert_eq!((result.seed, result.arm, result.archs.len()), (9, SampleArm::Random, 2));
    assert_eq!((result.archs[0].id.clone(), result.archs[0].log_prob), (id(IDENTITIES), -9.0));
    let seed = async || {
        let request = json!({ "count": 1 });
        let result: SampleResult = within(rig.client().post("/v1/sample", &request)).await.unwrap();
        assert_eq!(result.archs[0].id, id(PUBLISHED));
        result.seed
    };
    assert_ne!(seed().await, seed().await);
}

#[tokio::test]
async fn refusals_of_the_controller_keep_their_words() {
    let rig = Rig::new();
    let client = rig.client();
    let done: Done = within(client.command("/v1/pause")).await.unwrap();
    assert!(done.message.starts_with("paused"));
    let again = within(client.command::<Done>("/v1/pause")).await;
    check_refused(again, ProblemCode::RefusedState, "paused already");
    within(client.command::<Done>("/v1/resume")).await.unwrap();
    within(client.command::<Done>("/v1/pause")).await.unwrap();
    let failed = within(client.command::<Value>("/v1/checkpoint")).await;
    check_refused(failed, ProblemCode::Failed, "disk is full");
    within(client.command::<Done>("/v1/stop")).await.unwrap();
}

#[tokio::test]
async fn a_controller_that_is_silent_or_gone_is_a_problem() {
    let derive = Duration::from_millis(100);
    let mut rig = Rig::with_limits(Limits { derive, ..Limits::DAEMON });
    let found = within(rig.client().command::<Value>("/v1/derive")).await;
    check_refused(found, ProblemCode::Timeout, "has not answered");
    rig.stop_controller();
    let found = within(rig.client().command::<Value>("/v1/pause")).await;
    check_refused(found, ProblemCode::Unavailable, "does not take commands");
}

#[tokio::test]
async fn commands_under_way_have_a_limit_and_questions_go_on() {
    let rig = Rig::new();
    let client = rig.client();
    let waiting = (0..16).map(|_| {
        let client = client.clone();
        // One that finds a resume in its place comes again.
        tokio::spawn(async move { while client.command::<Value>("/v1/derive").await.is_err() {} })
    });
    let waiting: Vec<_> = waiting.collect();
    // Until all sixteen have arrived, a resume still passes.
    within(async {
        loop {
            match client.command::<Value>("/v1/resume").await {
                Ok(_) => {}
                found => break check_refused(found, ProblemCode::Busy, "under way"),
            }
        }
    })
    .await;
    within(client.get::<Value>("/v1/status")).await.unwrap();
    waiting.iter().for_each(tokio::task::JoinHandle::abort);
    // Whoever hangs up gives the place back.
    within(async { while client.command::<Value>("/v1/resume").await.is_err() {} }).await;
}
