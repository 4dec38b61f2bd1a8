//! The metrics: the address answers, and it is this daemon that answers.

use crate::doctor::Finding;
use crate::doctor::patient::Patient;
use crate::doctor::scrape::scrape;

const METRICS: &str = "metrics";

pub(super) async fn check(patient: &Patient) -> Vec<Finding> {
    let Some(address) = &patient.metrics() else { return Vec::new() };
    if address == "off" {
        return vec![Finding::warn(
            METRICS,
            "`telemetry.metrics` is `off`: nobody is told when the search stands still",
            "set it to `127.0.0.1:9899` and have Prometheus scrape that",
        )];
    }
    if address.ends_with(":0") {
        let what = format!("`{address}` leaves the port to the system, and only the log says it");
        return vec![Finding::skip(METRICS, what)];
    }
    let scraped = scrape(address).await;
    vec![match (&patient.status, scraped) {
        (Ok(status), Ok(text)) => answered(address, &text, &status.version),
        (Ok(_), Err(why)) => Finding::fail(
            METRICS,
            format!("{address} gives no metrics, and a daemon runs: {why}"),
            "see the daemon's log; restart it if it serves another address",
        ),
        (Err(_), answer) if patient.is_daemon_there() => match answer {
            Ok(_) => Finding::ok(METRICS, format!("{address} answers")),
            Err(why) => Finding::skip(METRICS, format!("{address} gives no metrics: {why}")),
        },
        (Err(_), Err(why)) if why.is_refused() => {
            Finding::ok(METRICS, format!("{address} is free"))
        }
        (Err(_), _) if patient.is_default("telemetry.metrics") => {
            let what = format!("{address} is taken: a start takes the next free port");
            Finding::warn(METRICS, what, "have Prometheus scrape the address that the log says")
        }
        (Err(_), _) => occupied(address),
    }]
}

fn answered(address: &str, text: &str, version: &str) -> Finding {
    match build(text) {
        Some(found) if found == version => {
            Finding::ok(METRICS, format!("http://{address}/metrics answers, enasd {found}"))
        }
        Some(found) => Finding::fail(
            METRICS,
            format!("enasd {found} answers at {address}, and this daemon is {version}"),
            "find the other one with `ss -ltnp`, and give one of both another `telemetry.metrics`",
        ),
        None => occupied(address),
    }
}

fn occupied(address: &str) -> Finding {
    Finding::fail(
        METRICS,
        format!("another program listens at {address}: a start is refused (exit status 78)"),
        "find it with `ss -ltnp` and end it, or set another `telemetry.metrics`",
    )
}

/// The version that the metrics tell.
fn build(text: &str) -> Option<&str> {
    let line = text.lines().find(|line| line.starts_with("enas_build_info{"))?;
    let (_, rest) = line.split_once("version=\"")?;
    rest.split_once('"').map(|(version, _)| version)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    #[test]
    fn who_answers_is_told_by_the_build() {
        let text = "# HELP x\nenas_build_info{version=\"1.2.3\"} 1\n";
        assert_eq!(build(text), Some("1.2.3"));
        assert_eq!(answered("a:1", text, "1.2.3").verdict, Verdict::Ok);
        assert_eq!(answered("a:1", text, "1.2.4").verdict, Verdict::Fail);
        assert_eq!(answered("a:1", "up 1\n", "1.2.3").verdict, Verdict::Fail);
    }
}
