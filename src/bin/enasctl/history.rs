//! `history`: what was drawn and what came of it, as a table, as CSV, or folded.

use std::fmt::Write;

use enasd::actors::nth;
use enasd::api::wire::{HistoryItem, HistoryQuery, HistoryReply, PruneRequest, PruneResult};

use crate::failure::Failure;
use crate::history_args::HistoryArgs;
use crate::printer::{Column, Printer, objective, or_dash, percent, remark, thousands};
use crate::socket::Daemon;

/// Rows of a table, where no number is asked for.
const TABLE_ROWS: u32 = 100;

/// Rows of one answer, where all are asked for.
const PAGE_ROWS: u32 = 10_000;

/// The columns of a file of comma-separated values: names as in the API; `epoch` is counted from
/// the start of the search.
const CSV_HEADER: &str = "step,phase,cycle,epoch,arm,idx,id,reward,log_prob,entropy_nats,loss,\
                          accuracy,learning_rate,grad_norm,arch";

const LOSSES: &[Column<'_, HistoryItem>] = &[
    ("search step", &|row| nth(row.step).to_string()),
    ("loss", &|row| or_dash(row.loss, |nats| format!("{nats:.4}"))),
    ("accuracy", &|row| or_dash(row.accuracy, percent)),
    ("learning rate", &|row| or_dash(row.learning_rate, |rate| format!("{rate:.6}"))),
    ("gradient", &|row| or_dash(row.grad_norm, |norm| format!("{norm:.4}"))),
    ("id", &|row| row.id.clone()),
];

/// What was drawn and what came of it.
pub(crate) async fn history(
    daemon: &Daemon,
    printer: &mut Printer,
    args: &HistoryArgs,
) -> Result<(), Failure> {
    if let Some(bytes) = args.prune {
        return prune(daemon, printer, bytes).await;
    }
    let query = args.query(TABLE_ROWS);
    if args.csv {
        return csv(daemon, printer, args).await;
    }
    let reply = page(daemon, &query).await?;
    if args.losses {
        printer.many(&reply, &reply.rows, LOSSES)?;
    } else {
        draws(printer, &reply)?;
    }
    tell_damage(reply.damaged);
    Ok(())
}

/// What was drawn, with rewards in units of the objective.
fn draws(printer: &mut Printer, reply: &HistoryReply) -> Result<(), Failure> {
    let objective = objective(&reply.objective);
    printer.many(
        reply,
        &reply.rows,
        &[
            ("search step", &|row: &HistoryItem| nth(row.step).to_string()),
            ("phase", &|row| row.phase.clone()),
            ("arm", &|row| row.arm.clone()),
            ("idx", &|row| row.idx.to_string()),
            ("id", &|row| row.id.clone()),
            ("reward", &|row| or_dash(row.reward, |reward| objective.show(reward))),
            ("log π", &|row| or_dash(row.log_prob, |nats| format!("{nats:.2}"))),
        ],
    )
}

async fn page(daemon: &Daemon, query: &HistoryQuery) -> Result<HistoryReply, Failure> {
    let mut path = format!("/v1/history?since={}&limit={}", query.since, query.limit);
    if let Some(rows) = query.tail {
        let _ = write!(path, "&tail={rows}");
    }
    if let Some(arm) = query.arm {
        let _ = write!(path, "&arm={}", arm.name());
    }
    if let Some(phase) = query.phase {
        let _ = write!(path, "&phase={}", phase.name());
    }
    Ok(daemon.questions.get(&path).await?)
}

/// All rows, page by page, unless a number of them is asked for.
async fn csv(daemon: &Daemon, printer: &mut Printer, args: &HistoryArgs) -> Result<(), Failure> {
    let mut query = args.query(PAGE_ROWS);
    let (mut damaged, is_one_page) = (0, args.limit.is_some() || args.tail.is_some());
    printer.text(CSV_HEADER)?;
    loop {
        let reply = page(daemon, &query).await?;
        damaged += reply.damaged;
        for row in &reply.rows {
            printer.text(&csv_line(row))?;
        }
        if is_one_page || reply.next_since <= query.since {
            break;
        }
        query.since = reply.next_since;
    }
    tell_damage(damaged);
    Ok(())
}

fn csv_line(row: &HistoryItem) -> String {
    let HistoryItem { step, phase, cycle, epoch, arm, idx, id, arch, .. } = row;
    let mut line = format!("{step},{phase},{cycle},{epoch},{arm},{idx},{id}");
    for value in [
        row.reward,
        row.log_prob,
        row.entropy_nats,
        row.loss,
        row.accuracy,
        row.learning_rate,
        row.grad_norm,
    ] {
        line.push(',');
        if let Some(value) = value {
            // The shortest text that reads back as the same number.
            let _ = write!(line, "{value}");
        }
    }
    // It has commas, and no quotation marks.
    let _ = write!(line, ",\"{arch}\"");
    line
}

fn tell_damage(damaged: u64) {
    if damaged != 0 {
        remark(format_args!(
            "{} rows are damaged and were left out; `enasctl doctor` says more",
            thousands(damaged)
        ));
    }
}

async fn prune(daemon: &Daemon, printer: &mut Printer, bytes: u64) -> Result<(), Failure> {
    let request = PruneRequest { bytes };
    let result: PruneResult = daemon.derive().post("/v1/history/prune", &request).await?;
    printer.one(&result, |result| {
        format!(
            "{} rows were folded; the history has {} bytes",
            thousands(result.rows),
            thousands(result.bytes)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_a_value_for_each_name() {
        let row = HistoryItem {
            arch: "normal=[a(0)+b(1), c(0)+d(1)]".into(),
            reward: Some(0.1),
            id: "m2-0".into(),
            ..HistoryItem::default()
        };
        let line = csv_line(&row);
        assert_eq!(line, "0,,0,0,,0,m2-0,0.1,,,,,,,\"normal=[a(0)+b(1), c(0)+d(1)]\"");
        let (values, _) = line.split_once('"').unwrap();
        assert_eq!(values.matches(',').count(), CSV_HEADER.matches(',').count());
    }
}
