//! Questions that are answered at once: `best`, `list`, `show`, `config`.

use enasd::actors::{BestStatus, ScoreView, nth};
use enasd::api::wire::{ArchReply, ArchsReply, BestReply, ParetoArch, ScoreKind, ScoredArch};
use enasd::export::draw_text;
use enasd::search::Objective;
use enasd::space::Arch;
use enasd::store::write_atomically;

use crate::arch::{facts, read};
use crate::args::{BestArgs, BestStage, ListArgs, ListOrder};
use crate::failure::Failure;
use crate::printer::{Printer, fields, milliseconds, objective, or_dash, percent, thousands};
use crate::reserved::Reserved;
use crate::scores::{champion, items_of, multiply_adds};
use crate::socket::Daemon;

/// The best architectures; the weights of the first go to a file if asked for.
pub(crate) async fn best(
    daemon: &Daemon,
    printer: &mut Printer,
    args: &BestArgs,
) -> Result<(), Failure> {
    let path = format!("/v1/best?stage={}&limit={}", args.stage.name(), args.limit);
    let reply: BestReply = daemon.questions.get(&path).await?;
    printer.many(
        &reply,
        &reply.archs,
        &[
            ("id", &|best: &BestStatus| best.id.clone()),
            (&accuracy(args.stage, &reply.scored_how), &|best| best.score.shown()),
            ("right", &|best| format!("{} of {}", best.score.correct, best.score.items)),
            ("cycle", &|best| nth(best.cycle).to_string()),
        ],
    )?;
    let Some(first) = reply.archs.first() else {
        return match args.weights {
            Some(_) => Err(Failure::NothingDerived),
            None => printer.aside(nothing_yet(args.stage)),
        };
    };
    let arch: Arch = first.arch.parse()?;
    let drawing = draw_text(&arch, printer.width());
    printer.aside(&format!("\n{}\n{arch}\n\n{drawing}", first.id))?;
    if let Some(found) = &reply.champion {
        printer.aside(&format!("\nThe champion, trained from scratch: {}", champion(found)))?;
    }
    let Some(file) = &args.weights else { return Ok(()) };
    let reserved = if args.force { None } else { Some(Reserved::new(file)?) };
    let path = format!("/v1/archs/{}.safetensors?weights=kept", first.id);
    let bytes = daemon.work().get_bytes(&path).await?;
    write_atomically(file, &bytes)?;
    if let Some(reserved) = reserved {
        reserved.keep();
    }
    printer.aside(&format!("\nwrote {} bytes to {}", bytes.len(), file.display()))
}

/// What the accuracies are, of a search that scores architectures in this way.
fn accuracy(stage: BestStage, scored_how: &str) -> String {
    let how = match stage {
        BestStage::Shared => scored_how,
        BestStage::Retrained => "retrained",
        BestStage::Certified => "test split",
    };
    format!("score, {how}")
}

/// Why there are none.
const fn nothing_yet(stage: BestStage) -> &'static str {
    match stage {
        BestStage::Shared => "the search has derived no architecture yet",
        BestStage::Retrained => "no architecture is trained from scratch yet",
        BestStage::Certified => "no architecture was measured on the test split yet",
    }
}

/// Architectures that were scored.
pub(crate) async fn list(
    daemon: &Daemon,
    printer: &mut Printer,
    args: &ListArgs,
) -> Result<(), Failure> {
    let order = match args.order {
        ListOrder::Best => "best",
        ListOrder::Latest => "latest",
    };
    let ListArgs { limit, pareto, .. } = *args;
    let front_only = if pareto { "&pareto=true" } else { "" };
    let path = format!("/v1/archs?order={order}&limit={limit}{front_only}");
    let reply: ArchsReply = daemon.questions.get(&path).await?;
    if pareto {
        return front(printer, &reply);
    }
    let objective = objective(&reply.objective);
    printer.many(
        &reply,
        &reply.archs,
        &[
            ("id", &|row: &ScoredArch| row.id.clone()),
            ("best reward", &|row| objective.show(row.best_reward)),
            ("mean reward", &|row| objective.show(row.mean_reward)),
            ("times", &|row| row.times.to_string()),
            ("last search step", &|row| nth(row.last_step).to_string()),
        ],
    )?;
    printer.aside(&format!("\n{}", what_rewards_are(&reply, objective)))
}

/// What the rewards of a list are, and what costs take of them.
fn what_rewards_are(reply: &ArchsReply, objective: Objective) -> String {
    let (what, less) = match objective {
        Objective::Accuracy => ("the accuracy", format!("{} of it", percent(reply.cost_weight))),
        Objective::NegLogNll => (
            "the negative logarithm of the mean cross-entropy",
            objective.show(-(1.0 - reply.cost_weight).ln()),
        ),
        Objective::Perplexity => {
            ("80 divided by the perplexity", format!("{} of it", percent(reply.cost_weight)))
        }
    };
    let items = items_of(objective);
    let less = if reply.cost_weight == 0.0 {
        String::new()
    } else {
        format!(", less up to {less} for what it costs")
    };
    let images = reply.reward_images;
    if reply.is_from_scratch {
        return format!(
            "Each reward is {what} of a net trained from scratch, on the whole validation split of \
             {images} {items}{less}."
        );
    }
    format!(
        "Each reward is {what} on one validation batch of {images} {items}, or on the whole \
         validation split where somebody had it scored{less}; `enasctl best` has {} on the whole \
         split.",
        if objective.is_of_words() { "perplexities" } else { "accuracies" }
    )
}

/// Those that none beats in all.
fn front(printer: &mut Printer, reply: &ArchsReply) -> Result<(), Failure> {
    let objective = objective(&reply.objective);
    let score = match objective {
        Objective::Accuracy => "accuracy",
        Objective::NegLogNll | Objective::Perplexity => "score",
    };
    printer.many(
        reply,
        &reply.pareto,
        &[
            ("id", &|row: &ParetoArch| row.id.clone()),
            (score, &|row| front_score(row, objective)),
            ("measured on", &|row| measured_on(row.on, reply.is_from_scratch).to_owned()),
            ("parameters", &|row| thousands(row.cost.params)),
            ("multiply-adds", &|row| thousands(row.cost.multiply_adds)),
            ("forward pass", &|row| or_dash(row.cost.milliseconds, milliseconds)),
        ],
    )?;
    printer.aside(&format!(
        "\nOf those measured alike, none beats one of these in its {score} and in all of its costs \
         at once. Costs are those of the net that stands alone with the sizes of [net]."
    ))
}

/// An accuracy, or where rewards alone are known and are none, their mean.
fn front_score(row: &ParetoArch, objective: Objective) -> String {
    match (row.accuracy, row.reward) {
        (Some(accuracy), _) => percent(accuracy),
        (None, reward) => or_dash(reward, |reward| objective.show(reward)),
    }
}

fn measured_on(kind: ScoreKind, is_from_scratch: bool) -> &'static str {
    match kind {
        ScoreKind::Retrained => "validation, retrained",
        _ if is_from_scratch => "validation, from scratch",
        ScoreKind::Batches => "batches, shared weights",
        ScoreKind::Split => "validation, shared weights",
    }
}

/// One architecture.
pub(crate) async fn show(
    daemon: &Daemon,
    printer: &mut Printer,
    arch: &str,
) -> Result<(), Failure> {
    let path = format!("/v1/archs/{}", read(arch)?.id());
    let reply: ArchReply = daemon.questions.get(&path).await?;
    let arch: Arch = reply.arch.parse()?;
    let drawing = draw_text(&arch, printer.width());
    printer.one(&reply, |reply| format!("{}\n\n{drawing}", arch_table(reply)))
}

fn arch_table(reply: &ArchReply) -> String {
    let best = reply.best.as_ref().map(|best| {
        let ScoreView { correct, items, .. } = best.score;
        format!("{}, {correct} of {items} right", best.score.shown())
    });
    let objective = objective(&reply.objective);
    let scored = reply.scored.as_ref().map(|scored| {
        format!(
            "{} at best, {} on average, {} times on {} {} each, last in search step {}",
            objective.show(scored.best_reward),
            objective.show(scored.mean_reward),
            scored.times,
            reply.reward_images,
            items_of(objective),
            nth(scored.last_step)
        )
    });
    let mut rows = vec![("id", reply.id.clone())];
    rows.extend(facts(&reply.facts));
    rows.extend([
        ("parameters", thousands(reply.params)),
        (multiply_adds(objective.is_of_words()), thousands(reply.multiply_adds)),
        ("score among the best", or_dash(best, |text| text)),
        ("rewards", or_dash(scored, |text| text)),
        ("arch", reply.arch.clone()),
        ("flat", reply.flat.clone()),
    ]);
    fields(&rows)
}

/// The configuration, as TOML for people.
pub(crate) async fn config(daemon: &Daemon, printer: &mut Printer) -> Result<(), Failure> {
    let config: serde_json::Value = daemon.questions.get("/v1/config").await?;
    printer.one(&config, |config| {
        toml::to_string(&without_nulls(config)).unwrap_or_else(|_| config.to_string())
    })
}

/// TOML has no word for a value that is not set.
fn without_nulls(value: &serde_json::Value) -> serde_json::Value {
    match value {
        serde_json::Value::Object(map) => {
            let set = map.iter().filter(|(_, value)| !value.is_null());
            set.map(|(key, value)| (key.clone(), without_nulls(value))).collect()
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use enasd::api::wire::CostView;

    fn reply(objective: Objective, cost_weight: f64) -> ArchsReply {
        ArchsReply {
            archs: Vec::new(),
            reward_images: 64,
            is_from_scratch: false,
            cost_weight,
            objective: objective.name().to_owned(),
            pareto: Vec::new(),
        }
    }

    #[track_caller]
    fn check_rewards(objective: Objective, cost_weight: f64, expected: &str) {
        let told = what_rewards_are(&reply(objective, cost_weight), objective);
        assert!(told.contains(expected), "{expected} is not in {told}");
    }

    #[test]
    fn a_list_says_what_its_rewards_are_and_what_costs_take() {
        check_rewards(Objective::Accuracy, 0.0, "is the accuracy on one validation batch of 64 ");
        check_rewards(Objective::Accuracy, 0.0, "had it scored; `enasctl best`");
        check_rewards(Objective::Accuracy, 0.5, "scored, less up to 50.00 % of it for what it");
        let what = "is the negative logarithm of the mean cross-entropy on one validation batch";
        check_rewards(Objective::NegLogNll, 0.0, what);
        check_rewards(Objective::NegLogNll, 0.5, "scored, less up to 0.6931 for what it costs");
        let alone = ArchsReply { is_from_scratch: true, ..reply(Objective::Accuracy, 0.5) };
        assert_eq!(
            what_rewards_are(&alone, Objective::Accuracy),
            "Each reward is the accuracy of a net trained from scratch, on the whole validation split \
             of 64 images, less up to 50.00 % of it for what it costs."
        );
    }

    #[test]
    fn a_front_has_accuracies_and_rewards_that_are_none() {
        let row = |accuracy, reward| ParetoArch {
            id: String::new(),
            arch: String::new(),
            on: ScoreKind::Batches,
            accuracy,
            reward,
            cost: CostView::default(),
        };
        let told = |row| front_score(&row, Objective::NegLogNll);
        assert_eq!(told(row(Some(0.4321), None)), "43.21 %");
        assert_eq!(told(row(None, Some(0.4321))), "0.4321");
        let on = [ScoreKind::Batches, ScoreKind::Split, ScoreKind::Retrained];
        assert_eq!(on.map(|on| measured_on(on, false).contains("shared")), [true, true, false]);
        assert!(on.iter().all(|on| !measured_on(*on, true).contains("shared")));
    }

    #[test]
    fn an_architecture_is_shown_with_rewards_in_their_units() {
        let shown = |objective: Objective| {
            let scored = ScoredArch {
                id: String::new(),
                arch: String::new(),
                times: 2,
                best_reward: 0.4321,
                mean_reward: -0.5,
                last_step: 8,
            };
            arch_table(&ArchReply {
                id: String::new(),
                arch: String::new(),
                flat: String::new(),
                facts: Vec::new(),
                params: 1,
                multiply_adds: 1,
                best: None,
                scored: Some(scored),
                reward_images: 64,
                objective: objective.name().to_owned(),
            })
        };
        let number = shown(Objective::NegLogNll);
        assert!(number.contains("0.4321 at best, -0.5000 on average, 2 times"), "{number}");
        let share = shown(Objective::Accuracy);
        assert!(share.contains("43.21 % at best, -50.00 % on average, 2 times"), "{share}");
    }
}
