//! Questions that are answered at once: `best`, `list`, `show`, `config`.

use enasd::actors::{BestStatus, ScoreView, nth};
use enasd::api::wire::{ArchReply, ArchsReply, BestReply, ScoreKind};
use enasd::export::draw_text;
use enasd::space::Arch;
use enasd::store::write_atomically;

use crate::arch::{facts, read};
use crate::args::{BestArgs, BestStage, ListArgs, ListOrder};
use crate::failure::Failure;
use crate::printer::{Printer, fields, milliseconds, or_dash, percent, thousands};
use crate::reserved::Reserved;
use crate::socket::Daemon;
use crate::status::champion;

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
            ("id", |best: &BestStatus| best.id.clone()),
            ("accuracy", |best| percent(best.score.accuracy)),
            ("right", |best| format!("{} of {}", best.score.correct, best.score.items)),
            ("cycle", |best| nth(best.cycle).to_string()),
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
    printer.many(
        &reply,
        &reply.archs,
        &[
            ("id", |row| row.id.clone()),
            ("best reward", |row| percent(row.best_reward)),
            ("mean reward", |row| percent(row.mean_reward)),
            ("times", |row| row.times.to_string()),
            ("last search step", |row| nth(row.last_step).to_string()),
        ],
    )?;
    let less = if reply.cost_weight == 0.0 {
        String::new()
    } else {
        format!(", less up to {} of it for what it costs", percent(reply.cost_weight))
    };
    printer.aside(&format!(
        "\nEach reward is the accuracy on one validation batch of {} images, or on the whole validation \
         split where somebody had it scored{less}; `enasctl best` has accuracies on the whole split.",
        reply.reward_images
    ))
}

/// Those that none beats in all.
fn front(printer: &mut Printer, reply: &ArchsReply) -> Result<(), Failure> {
    printer.many(
        reply,
        &reply.pareto,
        &[
            ("id", |row| row.id.clone()),
            ("accuracy", |row| percent(row.accuracy)),
            ("measured on", |row| measured_on(row.on).to_owned()),
            ("parameters", |row| thousands(row.cost.params)),
            ("multiply-adds", |row| thousands(row.cost.multiply_adds)),
            ("an image takes", |row| or_dash(row.cost.milliseconds, milliseconds)),
        ],
    )?;
    printer.aside(
        "\nOf those measured alike, none beats one of these in its accuracy and in all of its costs \
         at once. Costs are those of the net that stands alone with the sizes of [net].",
    )
}

fn measured_on(kind: ScoreKind) -> &'static str {
    match kind {
        ScoreKind::Batches => "batches, shared weights",
        ScoreKind::Split => "validation, shared weights",
        ScoreKind::Retrained => "validation, retrained",
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
        let ScoreView { accuracy, correct, items } = best.score;
        format!("{}, {correct} of {items} right", percent(accuracy))
    });
    let scored = reply.scored.as_ref().map(|scored| {
        format!(
            "{} at best, {} on average, {} times on {} images each, last in search step {}",
            percent(scored.best_reward),
            percent(scored.mean_reward),
            scored.times,
            reply.reward_images,
            nth(scored.last_step)
        )
    });
    let mut rows = vec![("id", reply.id.clone())];
    rows.extend(facts(&reply.facts));
    rows.extend([
        ("parameters", thousands(reply.params)),
        ("multiply-adds an image", thousands(reply.multiply_adds)),
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
