//! The tables and views of `history.sqlite`.
//!
//! ```text
//! steps      one row for each step of the search; ω's with what its update measured
//! draws      one row for each architecture drawn, by place: step, arm and index in one number
//! hours      what older rows are folded into: a row for each hour, phase and arm
//! clock      the step with which each hour of the clock began
//! archs      the architectures with the best rewards, and the last ones
//! seen       a sketch of all architectures that were ever drawn, from which they are counted
//! events     what happened to the daemon, numbered
//! children   from whose children θ learnt in each step, where they are trained from scratch
//! trials     the nets that were trained from scratch, by the key of their trial
//! champions  what the best of each promotion came to
//! marks      how far all this goes: one row
//! names      the names of arms and phases, by number
//! rollouts, history, hourly       views for people and for any program that reads SQL
//! ```
//!
//! An epoch is stored as its place in the cycle, which the views call `cycle_epoch`.
//!
//! Every row but those of `seen` and `names`, which are found again without, ends with a checksum.

use crate::store::arch_code::id_sql;

/// All tables but those of the trials.
pub(super) const TABLES: &str = "
CREATE TABLE steps (
    step      INTEGER PRIMARY KEY,
    phase     INTEGER NOT NULL,
    cycle     INTEGER NOT NULL,
    epoch     INTEGER NOT NULL,
    draws     INTEGER NOT NULL,
    loss      REAL,
    accuracy  REAL,
    lr        REAL,
    grad_norm REAL,
    sum       INTEGER NOT NULL
) STRICT;
CREATE TABLE draws (
    place     INTEGER PRIMARY KEY,
    arch      ANY NOT NULL,
    reward    REAL,
    log_prob  REAL,
    entropy   REAL,
    sum       INTEGER NOT NULL
) STRICT;
CREATE TABLE hours (
    hour      INTEGER NOT NULL,
    phase     INTEGER NOT NULL,
    arm       INTEGER NOT NULL,
    first_step INTEGER NOT NULL,
    last_step INTEGER NOT NULL,
    draws     INTEGER NOT NULL,
    rewards   INTEGER NOT NULL,
    reward_sum REAL NOT NULL,
    reward_squares REAL NOT NULL,
    reward_min REAL,
    reward_max REAL,
    best      ANY,
    losses    INTEGER NOT NULL,
    loss_sum  REAL NOT NULL,
    sum       INTEGER NOT NULL,
    PRIMARY KEY (hour, phase, arm)
) STRICT, WITHOUT ROWID;
CREATE TABLE clock (
    hour      INTEGER PRIMARY KEY,
    step      INTEGER NOT NULL,
    sum       INTEGER NOT NULL
) STRICT;
CREATE TABLE archs (
    arch      ANY NOT NULL PRIMARY KEY,
    times     INTEGER NOT NULL,
    best      REAL NOT NULL,
    total     REAL NOT NULL,
    last_step INTEGER NOT NULL,
    sum       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE seen (
    slot      INTEGER PRIMARY KEY,
    rank      INTEGER NOT NULL
) STRICT;
CREATE TABLE events (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    at_unix_ms INTEGER NOT NULL,
    kind       TEXT    NOT NULL,
    message    TEXT    NOT NULL,
    sum        INTEGER NOT NULL
) STRICT;
CREATE TABLE marks (
    id          INTEGER PRIMARY KEY,
    run         TEXT    NOT NULL,
    next        INTEGER NOT NULL,
    until       INTEGER NOT NULL,
    scored_from INTEGER NOT NULL,
    shared_from INTEGER NOT NULL,
    n_rows      INTEGER NOT NULL,
    sum         INTEGER NOT NULL
) STRICT;
CREATE TABLE names (
    code      INTEGER PRIMARY KEY,
    name      TEXT NOT NULL
) STRICT;
INSERT INTO names VALUES (0, 'controller'), (1, 'random'), (2, 'derive'), (3, 'shared'),
    (4, 'injected');
";

/// The views, in which ids and names are texts again.
pub(super) fn views() -> String {
    format!(
        "
CREATE VIEW rollouts AS
    SELECT steps.step AS step, arms.name AS arm, draws.place & 65535 AS idx, phases.name AS phase,
           steps.cycle AS cycle, steps.epoch AS cycle_epoch, {id} AS arch, {id} AS arch_id,
           draws.reward AS reward, draws.log_prob AS log_prob, draws.entropy AS entropy
    FROM steps
    CROSS JOIN draws ON draws.place BETWEEN steps.step << 20 AND (steps.step << 20) + 1048575
    CROSS JOIN names AS arms ON arms.code = draws.place >> 16 & 15
    CROSS JOIN names AS phases ON phases.code = steps.phase;
CREATE VIEW history AS
    SELECT cycle, cycle_epoch, phase, step, idx, arm, arch, arch_id, reward
    FROM rollouts
    ORDER BY step, arm, idx;
CREATE VIEW hourly AS
    SELECT iif(hour = 0, NULL, datetime(hour * 3600, 'unixepoch')) AS hour, phases.name AS phase,
           arms.name AS arm, first_step, last_step, draws, reward_sum / rewards AS reward_mean,
           reward_squares / rewards - (reward_sum / rewards) * (reward_sum / rewards)
               AS reward_variance,
           reward_min, reward_max, {best} AS best_arch_id, loss_sum / losses AS loss_mean
    FROM hours
    JOIN names AS arms ON arms.code = hours.arm
    JOIN names AS phases ON phases.code = hours.phase
    ORDER BY hours.hour, hours.phase, hours.arm;
",
        id = id_sql("draws.arch"),
        best = id_sql("hours.best"),
    )
}
