//! `enasctl why`: how far an architecture came, and why no farther.

use std::collections::BTreeMap;

use enasd::actors::{ScoreView, nth};
use enasd::api::wire::{
    ArmRewards, FirstDraw, FoldedReply, RetrainingReply, RulingReply, StepReward, WhyReply,
};
use enasd::search::{Objective, Score};

use crate::arch::read;
use crate::failure::Failure;
use crate::printer::{Printer, fields, objective, or_dash, thousands};
use crate::scores::held_out;
use crate::socket::Daemon;

/// All that the history knows of an architecture.
pub(crate) async fn why(daemon: &Daemon, printer: &mut Printer, arch: &str) -> Result<(), Failure> {
    let path = format!("/v1/archs/{}/why", read(arch)?.id());
    // All draws are looked through for it.
    let reply: WhyReply = daemon.commands().get(&path).await?;
    printer.one(&reply, table)
}

fn table(reply: &WhyReply) -> String {
    let mut why = reply.why.clone();
    if reply.is_champion {
        why.insert(0, "it is the champion".to_owned());
    }
    let objective = objective(&reply.objective);
    let rank = reply.rank.map(|rank| {
        let (place, of) = (thousands(rank.place), thousands(rank.of));
        format!("{place} by its best reward among {of} that are kept")
    });
    fields(&[
        ("id", reply.id.clone()),
        ("why", why.join("\n")),
        ("first drawn", or_dash(reply.first.as_ref(), |draw| first(draw, objective))),
        ("rewards", lines(&reply.draws, |draws| of_arm(draws, objective))),
        ("failed", or_dash(failed(&reply.failures), |text| text)),
        ("rank", or_dash(rank, |text| text)),
        ("retrained", lines(&reply.retrainings, |net| retraining(net, objective))),
        ("certificate", lines(&reply.rulings, |ruling| certificate(ruling, objective))),
        ("not known", or_dash(unknown(&reply.folded, reply.damaged), |text| text)),
        ("arch", reply.arch.clone()),
    ])
}

fn first(draw: &FirstDraw, objective: Objective) -> String {
    let reward = draw.reward.map(|reward| format!(", reward {}", objective.show(reward)));
    format!(
        "cycle {}, epoch {}, search step {}, by {} in the {} phase{}",
        nth(draw.cycle.into()),
        nth(draw.epoch),
        thousands(nth(draw.step)),
        draw.arm,
        draw.phase,
        reward.unwrap_or_default()
    )
}

fn of_arm(of_arm: &ArmRewards, objective: Objective) -> String {
    let ArmRewards { arm, phase, draws, rewards, own_omega, mean, first, best, last } = of_arm;
    let who = format!("{arm}, {phase} phase: drawn {} times", thousands(*draws));
    let at = |reward: &StepReward| {
        format!("{} in search step {}", objective.show(reward.reward), thousands(nth(reward.step)))
    };
    match (mean, first, best, last) {
        (Some(mean), Some(first), Some(best), Some(last)) => format!(
            "{who}, scored {} times{}; mean {}; first {}, best {}, last {}",
            thousands(*rewards),
            if *own_omega { " with an ω of its own" } else { "" },
            objective.show(*mean),
            at(first),
            at(best),
            at(last)
        ),
        _ => format!("{who}, never scored"),
    }
}

/// How often its children failed, and why; their rewards are among the others.
fn failed(failures: &BTreeMap<String, u64>) -> Option<String> {
    let times = |times: u64| if times == 1 { "once".to_owned() } else { format!("{times} times") };
    let told = failures.iter().map(|(why, &n)| format!("{why} {}", times(n)));
    let told = told.collect::<Vec<_>>().join(", ");
    (!told.is_empty()).then(|| format!("{told}; a reward of such a child is no score"))
}

fn retraining(net: &RetrainingReply, objective: Objective) -> String {
    let score = Score::kept(net.nll, net.correct, net.items);
    let found = held_out(ScoreView::of(score, objective), "validation");
    let why = match net.cause.as_str() {
        "request" => "on request",
        "sample" => "as one of a sample",
        _ => "as a candidate",
    };
    format!(
        "cycle {}, {why}, net {}, {} epochs: {found}, {} parameters",
        nth(net.cycle),
        nth(net.seed.into()),
        net.epochs,
        thousands(net.params)
    )
}

fn certificate(ruling: &RulingReply, objective: Objective) -> String {
    if ruling.test_items == 0 {
        return format!("cycle {}: not measured on the test split", nth(ruling.cycle));
    }
    let RulingReply { test_nll, test_correct: correct, test_items: items, .. } = *ruling;
    let score = Score::kept(test_nll, correct, items);
    format!(
        "cycle {}: number {}, {}, {correct} of {items} right",
        nth(ruling.cycle),
        ruling.certificate,
        held_out(ScoreView::of(score, objective), "test")
    )
}

/// What was folded away or damaged.
fn unknown(folded: &FoldedReply, damaged: u64) -> Option<String> {
    let mut lines = Vec::new();
    if 0 < folded.scored_before {
        lines.push(format!(
            "scored rows before search step {} are folded, {} of its rewards among them at least",
            thousands(nth(folded.scored_before)),
            thousands(folded.rewards)
        ));
    }
    if 0 < folded.shared_before {
        lines.push(format!(
            "what ω was trained on before search step {} is folded",
            thousands(nth(folded.shared_before))
        ));
    }
    if 0 < damaged {
        lines.push(format!("{} of its rows are damaged", thousands(damaged)));
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// A line for each, or a dash.
fn lines<T>(items: &[T], text: impl Fn(&T) -> String) -> String {
    if items.is_empty() {
        return "-".to_owned();
    }
    items.iter().map(text).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use enasd::api::wire::RankReply;

    #[test]
    fn what_was_scored_with_an_omega_of_its_own_is_told_apart() {
        let at = Some(StepReward { step: 9, reward: 0.5 });
        let draws = ArmRewards {
            arm: "random".to_owned(),
            phase: "controller".to_owned(),
            draws: 3,
            rewards: 2,
            own_omega: true,
            mean: Some(0.5),
            first: at,
            best: at,
            last: at,
        };
        let text = of_arm(&draws, Objective::Accuracy);
        let expected =
            "random, controller phase: drawn 3 times, scored 2 times with an ω of its own";
        assert!(text.starts_with(expected), "{text}");
    }

    #[test]
    fn what_is_known_and_what_is_not_is_told_in_lines() {
        let at = |step, reward| Some(StepReward { step, reward });
        let draws = vec![
            ArmRewards {
                arm: "controller".to_owned(),
                phase: "shared".to_owned(),
                draws: 2,
                ..ArmRewards::default()
            },
            ArmRewards {
                arm: "derive".to_owned(),
                phase: "derive".to_owned(),
                draws: 1,
                rewards: 1,
                mean: Some(0.5),
                first: at(9, 0.5),
                best: at(9, 0.5),
                last: at(9, 0.5),
                ..ArmRewards::default()
            },
        ];
        let mut reply = WhyReply {
            is_champion: true,
            why: vec!["cycle 1: the first".to_owned()],
            rank: Some(RankReply { place: 3, of: 1200 }),
            draws,
            folded: FoldedReply { scored_before: 1024, shared_before: 2048, rewards: 7 },
            damaged: 1,
            ..WhyReply::default()
        };
        let text = table(&reply);
        for expected in [
            "why          it is the champion\n             cycle 1: the first\n",
            "first drawn  -\n",
            "controller, shared phase: drawn 2 times, never scored\n",
            "scored 1 times; mean 50.00 %; first 50.00 % in search step 10, best",
            "3 by its best reward among 1,200 that are kept",
            "before search step 1,025 are folded, 7 of its rewards among them at least",
            "before search step 2,049 is folded",
            "1 of its rows are damaged",
        ] {
            assert!(text.contains(expected), "{expected} is not in\n{text}");
        }
        reply.first = Some(FirstDraw { reward: Some(-0.25), ..FirstDraw::default() });
        reply.objective = Objective::NegLogNll.name().to_owned();
        let text = table(&reply);
        for expected in [", reward -0.2500\n", "mean 0.5000; first 0.5000 in search step 10, best"]
        {
            assert!(text.contains(expected), "{expected} is not in\n{text}");
        }
    }

    #[test]
    fn a_certificate_of_text_is_a_perplexity() {
        let ruling = RulingReply {
            certificate: 1,
            test_correct: 30,
            test_items: 100,
            test_nll: Some(100.0 * 120_f64.ln()),
            ..RulingReply::default()
        };
        let objective = Objective::Perplexity.name().to_owned();
        let text = table(&WhyReply { objective, rulings: vec![ruling], ..WhyReply::default() });
        let expected = "cycle 1: number 1, perplexity 120.00 on the test text, 30 of 100 right\n";
        assert!(text.contains(expected), "{expected} is not in\n{text}");
    }
}
