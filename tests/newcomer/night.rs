//! What happened while nobody looked, as events tell it.

use crate::rig::{Rig, wait};

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
    assert!(rig.told("best")[0].contains(" validation images; the first of this search"));
}
