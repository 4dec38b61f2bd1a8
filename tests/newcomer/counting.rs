//! Cycles, epochs and steps count from 1 wherever a person reads, and from 0 where a program does.

use serde_json::Value;

use crate::rig::Rig;

#[test]
fn everything_for_people_counts_from_one_and_says_the_same() {
    let mut rig = Rig::new();
    rig.start();
    rig.wait_for(|status| status["best"][0].is_object());
    assert!(rig.ctl(&["pause"]).status.success());
    let status = rig.wait_for(|status| status["state"] == "paused");
    let place = &status["place"];
    let count = |name: &str| place[name].as_u64().unwrap();
    let (cycle, epoch, of_cycle) = (count("cycle") + 1, count("epoch") + 1, count("epoch") % 2 + 1);
    let (step, steps, number) = (count("step") + 1, count("phase_steps"), count("number") + 1);
    let phase = place["phase"].as_str().unwrap();

    let text = rig.text(&["status"]);
    let line = format!(
        "cycle {cycle}, epoch {epoch} ({of_cycle}/2), {phase} phase, step {step}/{steps}; \
         search step {number}"
    );
    assert!(text.contains(&line), "{line}\n{text}");

    let best = rig.text(&["best"]);
    let first = best.lines().nth(1).unwrap();
    let derived = status["best"][0]["cycle"].as_u64().unwrap() + 1;
    assert_eq!(first.split_whitespace().last(), Some(&*derived.to_string()), "{best}");

    let saved = rig.text(&["checkpoint"]);
    assert_eq!(saved.trim(), format!("written; it resumes at search step {number}"));
    let score = rig.text(&["score", status["best"][0]["id"].as_str().unwrap()]);
    assert!(score.contains(&format!("search step {number}\n")), "{score}");

    let rows = rig.values(&["history", "--limit", "1"]);
    assert_eq!(rows[0]["step"], Value::from(0), "programs count from 0");
    let history = rig.text(&["history", "--limit", "1"]);
    let (head, first) = history.split_once('\n').unwrap();
    assert!(head.trim_start().starts_with("search step"), "{history}");
    assert!(first.trim_start().starts_with("1 "), "{history}");
}
