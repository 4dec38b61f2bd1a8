//! Questions: what they answer, and how they are refused.

use enasd::actors::{ChampionStatus, RunState, ScoreView, Status};
use enasd::api::wire::{
    ArchReply, ArchsReply, BestReply, HistoryReply, PruneRequest, PruneResult, ScoreKind, Stage,
};
use enasd::api::{ConfigOrigins, OriginLayer, ProblemCode};
use enasd::space::Arch;
use enasd::store::{BestFolder, HistoryFilter, HistoryReader, HistoryRow};
use serde_json::Value;

use crate::rig::{
    EPOCHS_PER_CYCLE, IDENTITIES, KEEPING, KEPT_WEIGHTS, PUBLISHED, Rig, check_refused, id, put,
    row, within,
};

async fn text(rig: &Rig, path: &str) -> String {
    let bytes = within(rig.client().get_bytes(path)).await.unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test]
async fn the_status_is_the_last_published_one() {
    let rig = Rig::new();
    rig.publish(|status| status.place.number = 4711);
    let status: Status = within(rig.client().get("/v1/status")).await.unwrap();
    assert_eq!((status.state, status.place.number), (RunState::Running, 4711));
    assert_eq!(*rig.counted.lock().unwrap(), [("/v1/status", 200)]);
}

#[tokio::test]
async fn the_best_architectures_are_those_of_the_status() {
    let rig = Rig::new();
    let reply: BestReply = within(rig.client().get("/v1/best?stage=shared")).await.unwrap();
    assert_eq!(reply.stage, Stage::Shared);
    assert_eq!(reply.archs[0].id, id(PUBLISHED));
}

#[tokio::test]
async fn the_champion_is_told_apart_from_the_best_of_the_shared_search() {
    let rig = Rig::new();
    let none: BestReply = within(rig.client().get("/v1/best?stage=certified")).await.unwrap();
    assert_eq!((none.archs, none.champion), (Vec::new(), None));
    let score = |accuracy| ScoreView { accuracy, ..ScoreView::default() };
    let champion = ChampionStatus {
        id: id(IDENTITIES),
        valid: vec![score(0.8), score(0.9)],
        test: vec![score(0.7), score(0.875)],
        seed: 1,
        ..ChampionStatus::default()
    };
    rig.publish(|status| status.finals.champion = Some(champion.clone()));
    for (stage, accuracy) in [("retrained", 0.9), ("certified", 0.875)] {
        let path = format!("/v1/best?stage={stage}");
        let reply: BestReply = within(rig.client().get(&path)).await.unwrap();
        let archs: Vec<_> = reply.archs.iter().map(|one| (&one.id, one.score.accuracy)).collect();
        assert_eq!(archs, [(&champion.id, accuracy)]);
    }
    let shared: BestReply = within(rig.client().get("/v1/best")).await.unwrap();
    assert_eq!(shared.archs[0].id, id(PUBLISHED));
    assert_eq!(shared.champion, Some(champion));
}

#[tokio::test]
async fn wrong_queries_are_refused_in_words() {
    let rig = Rig::new();
    let client = rig.client();
    for (path, code, words) in [
        ("/v1/best?stage=baked", ProblemCode::BadQuery, "baked"),
        ("/v1/best?limit=0", ProblemCode::BadQuery, "1 to 10000"),
        ("/v1/archs?order=worst", ProblemCode::BadQuery, "worst"),
        ("/v1/archs?limit=ten", ProblemCode::BadQuery, "query"),
        ("/v1/archs?limits=1", ProblemCode::BadQuery, "limits"),
        ("/v1/history?since=-1", ProblemCode::BadQuery, "query"),
        ("/v1/history?limit=10001", ProblemCode::BadQuery, "1 to 10000"),
        ("/v1/events?follow=perhaps", ProblemCode::BadQuery, "query"),
        ("/v1/archs/m5-0", ProblemCode::UnknownArch, "m5-0"),
        ("/v1/archs/..%2Fsecret.safetensors", ProblemCode::UnknownArch, "no known form"),
        ("/v1/nothing", ProblemCode::NotFound, "/v1/nothing"),
        ("/", ProblemCode::NotFound, "there is no /"),
        ("/v1/pause", ProblemCode::MethodNotAllowed, "does not take GET"),
    ] {
        check_refused(within(client.get::<Value>(path)).await, code, words);
    }
    let found = within(client.command::<Value>("/v1/status")).await;
    check_refused(found, ProblemCode::MethodNotAllowed, "POST");
}

#[tokio::test]
async fn architectures_are_listed_in_both_orders() {
    let rig = Rig::new();
    let client = rig.client();
    let ids = |reply: ArchsReply| reply.archs.into_iter().map(|row| row.id).collect::<Vec<_>>();
    let best: ArchsReply = within(client.get("/v1/archs")).await.unwrap();
    assert_eq!((best.archs[0].times, best.archs[0].best_reward), (2, 0.9));
    assert_eq!(ids(best), [id(PUBLISHED), id(IDENTITIES)]);
    let latest: ArchsReply = within(client.get("/v1/archs?order=latest&limit=1")).await.unwrap();
    assert_eq!(ids(latest), [id(IDENTITIES)]);
}

#[tokio::test]
async fn the_front_has_what_none_beats_among_scores_of_one_kind() {
    let mut rig = Rig::new();
    let path = "/v1/archs?pareto=true";
    let reply: ArchsReply = within(rig.client().get(path)).await.unwrap();
    assert_eq!(reply.archs, []);
    let told: Vec<_> = reply.pareto.iter().map(|one| (one.on, one.id.clone())).collect();
    let expected = [
        (ScoreKind::Split, id(PUBLISHED)),
        // The cheaper one is worse, and on the front.
        (ScoreKind::Batches, id(PUBLISHED)),
        (ScoreKind::Batches, id(IDENTITIES)),
    ];
    assert_eq!(told, expected);
    let [split, batches, cheap] = &reply.pareto[..] else { panic!("three") };
    assert_eq!((split.accuracy, split.cost), (Some(0.75), batches.cost));
    // The mean of two.
    let accuracy = batches.accuracy.unwrap();
    assert!((accuracy - 0.7).abs() < 1e-12 && cheap.accuracy.unwrap() < accuracy);
    assert!(cheap.cost.params < batches.cost.params);
    assert_eq!(cheap.cost.milliseconds, None, "nobody measured how long layers take");
    let better = row(4, 0, IDENTITIES, 0.95);
    rig.history.record(&[better.clone(), HistoryRow { idx: 1, ..better }], &[], KEEPING).unwrap();
    let reply: ArchsReply = within(rig.client().get(path)).await.unwrap();
    let batches: Vec<_> =
        reply.pareto.iter().filter(|one| one.on == ScoreKind::Batches).map(|one| &one.id).collect();
    assert_eq!(batches, [&id(IDENTITIES)], "better and cheaper");
}

#[tokio::test]
async fn an_architecture_is_described_whether_or_not_it_was_met() {
    let rig = Rig::new();
    let unmet = "0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0";
    for (arch, best, times) in
        [(PUBLISHED, true, Some(2)), (IDENTITIES, false, Some(1)), (unmet, false, None)]
    {
        let path = format!("/v1/archs/{}", id(arch));
        let reply: ArchReply = within(rig.client().get(&path)).await.unwrap();
        assert_eq!(reply.id, id(arch));
        assert_eq!(reply.best.is_some(), best);
        assert_eq!(reply.scored.map(|row| row.times), times);
        let spelled: Arch = id(arch).parse().unwrap();
        assert_eq!((reply.arch, reply.flat), (spelled.to_string(), spelled.to_flat()));
    }
}

#[tokio::test]
async fn an_architecture_of_another_size_is_refused() {
    let rig = Rig::new();
    let path = format!("/v1/archs/{}", id("0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0"));
    let found = within(rig.client().get::<Value>(&path)).await;
    check_refused(found, ProblemCode::BadArch, "2 nodes");
}

#[tokio::test]
async fn drawings_and_weights_hang_on_the_id() {
    let rig = Rig::new();
    let path = |ending: &str| format!("/v1/archs/{}.{ending}", id(PUBLISHED));
    assert!(text(&rig, &path("svg")).await.contains("<svg"));
    assert!(text(&rig, &path("dot")).await.contains("digraph"));
    assert_eq!(text(&rig, &path("safetensors")).await.as_bytes(), KEPT_WEIGHTS);
    let other = format!("/v1/archs/{}.safetensors", id(IDENTITIES));
    let expected = format!("present weights of {}", id(IDENTITIES));
    assert_eq!(text(&rig, &other).await, expected);
    let routes: Vec<_> = rig.counted.lock().unwrap().iter().map(|(route, _)| *route).collect();
    let expected =
        ["svg", "dot", "safetensors", "safetensors"].map(|e| format!("/v1/archs/{{id}}.{e}"));
    assert_eq!(routes, expected);
}

/// What a score was measured with is given for it, or nothing is.
#[tokio::test]
async fn weights_of_a_best_architecture_are_never_replaced_by_others() {
    let rig = Rig::new();
    let path = |query: &str| format!("/v1/archs/{}.safetensors{query}", id(PUBLISHED));
    let present = format!("present weights of {}", id(PUBLISHED));
    assert_eq!(text(&rig, &path("?weights=kept")).await.as_bytes(), KEPT_WEIGHTS);
    assert_eq!(text(&rig, &path("?weights=present")).await, present);

    let best = BestFolder::open(&rig.folder.path().join("best")).unwrap();
    let lost = async || {
        for query in ["", "?weights=kept"] {
            let found = within(rig.client().get::<Value>(&path(query))).await;
            check_refused(found, ProblemCode::WeightsLost, "are lost");
        }
        assert_eq!(text(&rig, &path("?weights=present")).await, present);
    };
    // Those of another score.
    put(&best, 451);
    lost().await;
    best.remove(&id(PUBLISHED)).unwrap();
    lost().await;
    put(&best, 450);
    assert_eq!(text(&rig, &path("")).await.as_bytes(), KEPT_WEIGHTS);
    let found = within(rig.client().get::<Value>(&path("?weights=any"))).await;
    check_refused(found, ProblemCode::BadQuery, "kept");
}

#[tokio::test]
async fn the_history_is_read_page_by_page() {
    let rig = Rig::new();
    let client = rig.client();
    let first: HistoryReply = within(client.get("/v1/history?limit=2")).await.unwrap();
    assert_eq!(first.rows.iter().map(|row| row.step).collect::<Vec<_>>(), [1, 2]);
    let path = format!("/v1/history?since={}", first.next_since);
    let second: HistoryReply = within(client.get(&path)).await.unwrap();
    assert_eq!((second.rows[0].step, second.rows[0].arm.as_str()), (3, "controller"));
    assert_eq!((second.rows.len(), second.next_since), (1, 4));
    assert_eq!(first.rows[0].arch.parse::<Arch>().unwrap().id(), id(PUBLISHED));
    // The second of the third cycle's five.
    assert_eq!((first.rows[0].cycle, first.rows[0].epoch), (2, 11));
}

#[tokio::test]
async fn the_history_is_asked_for_its_end_an_arm_or_a_phase() {
    let rig = Rig::new();
    let steps = async |query: &str| {
        let path = format!("/v1/history?{query}");
        let reply: HistoryReply = within(rig.client().get(&path)).await.unwrap();
        assert_eq!(reply.damaged, 0);
        reply.rows.iter().map(|row| row.step).collect::<Vec<_>>()
    };
    assert_eq!(steps("tail=2").await, [2, 3]);
    assert_eq!(steps("arm=controller&phase=controller").await, [1, 2, 3]);
    assert!(steps("arm=random").await.is_empty());
    for (query, words) in [("arm=policy", "policy"), ("phase=x", "x"), ("tail=0", "1 to 10000")] {
        let found = within(rig.client().get::<Value>(&format!("/v1/history?{query}"))).await;
        check_refused(found, ProblemCode::BadQuery, words);
    }
}

/// A value on disk that is not what was written is left out and counted, and no error.
#[tokio::test]
async fn a_damaged_row_is_left_out_and_counted() {
    let rig = Rig::new();
    let history = rusqlite::Connection::open(rig.folder.path().join("history.sqlite")).unwrap();
    let changed = history.execute("UPDATE draws SET reward = 0.75 WHERE reward = 0.5", []).unwrap();
    assert_eq!(changed, 1);
    let reply: HistoryReply = within(rig.client().get("/v1/history")).await.unwrap();
    assert_eq!(reply.rows.iter().map(|row| row.step).collect::<Vec<_>>(), [2, 3]);
    assert_eq!((reply.damaged, reply.next_since), (1, 4));
}

#[tokio::test]
async fn a_prune_is_asked_for_until_it_is_done() {
    let rig = Rig::new();
    let request = PruneRequest { bytes: 77 };
    let found: PruneResult =
        within(rig.client().post("/v1/history/prune", &request)).await.unwrap();
    assert_eq!(found, PruneResult { rows: 42, bytes: 77 });
}

#[tokio::test]
async fn a_long_history_is_the_same_in_many_pages() {
    let mut rig = Rig::new();
    // Steps with fewer rows than a page and with more, and ends of pages within them.
    for (step, n_rows) in [(4, 70), (5, 90), (6, 450), (7, 1), (8, 100), (9, 30)] {
        let rows: Vec<_> = (0..n_rows).map(|idx| row(step, idx, IDENTITIES, 0.5)).collect();
        rig.history.record(&rows, &[], KEEPING).unwrap();
    }
    let reader = HistoryReader::open(&rig.folder.path().join("history.sqlite")).unwrap();
    for (since, limit) in
        [(0, 10_000), (0, 163), (0, 164), (0, 613), (4, 100), (5, 91), (6, 1), (6, 451), (8, 100)]
    {
        let path = format!("/v1/history?since={since}&limit={limit}");
        let reply: HistoryReply = within(rig.client().get(&path)).await.unwrap();
        let page = reader.page(since, limit, HistoryFilter::default()).unwrap();
        let next_since = page.rows.last().unwrap().step + 1;
        assert_eq!((reply.next_since, page.next_since), (next_since, next_since), "{path}");
        let expected = HistoryReply::new(page, EPOCHS_PER_CYCLE).rows;
        assert!(reply.rows == expected, "{path}: {} of {}", reply.rows.len(), expected.len());
    }
    for tail in [1, 131, 132, 600] {
        let path = format!("/v1/history?tail={tail}");
        let reply: HistoryReply = within(rig.client().get(&path)).await.unwrap();
        let page = reader.tail(tail, HistoryFilter::default()).unwrap();
        assert!(reply == HistoryReply::new(page, EPOCHS_PER_CYCLE), "{path}");
    }
}

#[tokio::test]
async fn a_history_that_cannot_be_read_is_a_problem_and_not_the_end() {
    let rig = Rig::new();
    std::fs::remove_file(rig.folder.path().join("history.sqlite")).unwrap();
    let found = within(rig.client().get::<Value>("/v1/history")).await;
    check_refused(found, ProblemCode::Store, "history.sqlite");
    assert_eq!(text(&rig, "/healthz").await, "alive\n");
}

#[tokio::test]
async fn the_configuration_is_shown_as_it_was_given() {
    let config: Value = within(Rig::new().client().get("/v1/config")).await.unwrap();
    assert_eq!(config["net"]["layers"], 6);
}

#[tokio::test]
async fn the_origins_say_which_file_and_folder_are_used() {
    let rig = Rig::new();
    let origins: ConfigOrigins = within(rig.client().get("/v1/config/origins")).await.unwrap();
    assert_eq!(origins.file.as_deref(), Some("/etc/enasd/enasd.toml"));
    assert_eq!(origins.state, rig.folder.path().display().to_string());
    assert_eq!(origins.keys["seed"].place, "/etc/enasd/enasd.toml:1");
    assert_eq!(origins.keys["seed"].layer, OriginLayer::File);
}

#[tokio::test]
async fn readiness_follows_the_state_and_the_progress() {
    let mut rig = Rig::new();
    assert_eq!(text(&rig, "/readyz").await, "running\n");
    rig.publish(|status| status.state = RunState::Paused);
    assert_eq!(text(&rig, "/readyz").await, "paused\n");
    for (state, words) in [
        (RunState::Starting, "loaded"),
        (RunState::Stopping, "ends"),
        (RunState::Failed, "no reason is known"),
    ] {
        rig.publish(|status| status.state = state);
        let found = within(rig.client().get_bytes("/readyz")).await;
        check_refused(found, ProblemCode::NotReady, words);
    }
    rig.publish(|_| {});
    rig.stop_controller();
    let found = within(rig.client().get_bytes("/readyz")).await;
    check_refused(found, ProblemCode::NotReady, "controller is gone");
    assert_eq!(text(&rig, "/healthz").await, "alive\n");
}

#[tokio::test]
async fn the_openapi_document_says_who_may_command_and_what_may_go_wrong() {
    let rig = Rig::new();
    let document: Value = within(rig.client().get("/v1/openapi.json")).await.unwrap();
    let paths = document["paths"].as_object().unwrap();
    assert!(paths["/v1/log-level"].as_object().unwrap().keys().eq(["get", "put"]));
    let weights = &paths["/v1/archs/{id}.safetensors"]["get"]["responses"];
    for (status, code) in [("404", "unknown_arch"), ("503", "unavailable"), ("503", "busy")] {
        let told = weights[status]["description"].as_str().unwrap();
        assert!(told.contains(&format!("`{code}`")), "{status}: {told}");
    }
    for (path, methods) in paths {
        for (method, operation) in methods.as_object().unwrap() {
            let forbids = operation["responses"].get("403").is_some();
            assert_eq!(forbids, ["post", "put"].contains(&method.as_str()), "{method} {path}");
        }
    }
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for schema in ["Status", "Problem", "ScoreRequest", "ConvertResult", "HistoryReply", "Event"] {
        assert!(schemas.contains_key(schema), "{schema}");
    }
}

/// Each bound that the document sets on a parameter holds whatever the other parameters say.
#[tokio::test]
async fn a_parameter_out_of_its_bounds_is_refused_beside_any_other() {
    let rig = Rig::new();
    let document: Value = within(rig.client().get("/v1/openapi.json")).await.unwrap();
    let mut n_tried = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        let parameters = methods["get"]["parameters"].as_array().into_iter().flatten();
        let bounded: Vec<(&str, u64)> = parameters
            .filter_map(|one| Some((one["name"].as_str()?, one["schema"]["maximum"].as_u64()?)))
            .filter(|&(_, most)| most < u64::MAX)
            .collect();
        for &(name, most) in &bounded {
            let others = bounded.iter().filter(|&&(other, _)| other != name);
            for other in others.map(|(other, _)| format!("&{other}=1")).chain([String::new()]) {
                for wrong in [0, most + 1] {
                    let path = format!("{path}?{name}={wrong}{other}");
                    let found = within(rig.client().get::<Value>(&path)).await;
                    check_refused(found, ProblemCode::BadQuery, &format!("`{name}` is {wrong}"));
                    n_tried += 1;
                }
            }
        }
    }
    assert!(n_tried >= 12, "{n_tried} tried");
}
