//! What happened while nobody looked, as events tell it.

use crate::rig::{Rig, enasctl, wait};

#[test]
fn events_are_listed_since_a_moment_in_the_time_of_here() {
    let mut rig = Rig::new();
    rig.start();
    rig.stop();
    rig.start();
    assert!(rig.ctl(&["pause"]).status.success());
    let kinds = |since: &str| -> Vec<String> {
        let events = rig.values(&["events", "--since", since]).into_iter();
        events.map(|event| event["kind"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(kinds("8h").iter().filter(|kind| *kind == "start").count(), 2);
    assert_eq!(kinds("1970-01-01 00:00"), kinds("0"));
    assert_eq!(kinds("9999-01-01"), Vec::<String>::new());
    assert_eq!(kinds("1").len() + 1, kinds("0").len());
    let wrong = rig.ctl(&["events", "--since", "yesterday"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(String::from_utf8(wrong.stderr).unwrap().contains("such as 8h, 30m or 2d"));

    let socket = rig.state().with_extension("sock");
    let mut ctl = enasctl();
    let output = ctl.args(["events", "--socket"]).arg(socket).env("TZ", "XYZ-5:30").output();
    let text = String::from_utf8(output.unwrap().stdout).unwrap();
    assert!(text.lines().all(|line| line.contains(" +05:30  ")), "{text}");
}

#[test]
fn a_start_says_how_the_run_before_ended_and_what_is_taken_again() {
    let mut rig = Rig::new();
    rig.start();
    wait("the first cycle ends", || rig.told("cycle").pop());
    rig.kill();
    rig.start();
    rig.stop();
    rig.start();
    let starts = rig.told("start");
    let [first, killed, stopped] = &starts[..] else { panic!("{starts:?}") };
    assert_eq!(first, "the search begins");
    assert!(
        killed.contains("the run before: it was killed, or the machine went down; "),
        "{killed}"
    );
    assert!(killed.ends_with("again") || killed.ends_with("no finished step was lost"), "{killed}");
    let at = stopped.strip_prefix("goes on at search step ").unwrap().split(';').next().unwrap();
    let end = format!(
        "the run before: it stopped before search step {at}, and all is saved; no finished step \
         was lost"
    );
    assert!(stopped.ends_with(&end), "{stopped}");
    let cycles = rig.told("cycle");
    assert!(cycles[0].starts_with("cycle 1 ended; "), "{cycles:?}");
    let first = " validation images with the shared weights; the first of this search";
    assert!(rig.told("best")[0].contains(first));
}
