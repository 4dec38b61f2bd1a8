//! What is trained from scratch: which arm is better once retrained, the champion, and the nets
//! under way.

use enasd::actors::{ChampionStatus, FinalsStatus, RetrainedStatus, Status, TrialStatus, nth};
use enasd::search::Arm;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use crate::printer::or_dash;
use crate::top::lines::{bar, rule, share, verdict};
use crate::top::screen::Screen;
use crate::top::theme::Theme;

/// Rows that the part has use for, with so many nets at most: none before anything was retrained.
pub(crate) fn rows(screen: &Screen, most_nets: u16) -> u16 {
    let Some(status) = &screen.status else { return 0 };
    let FinalsStatus { retraining, champion, .. } = &status.finals;
    if retraining.is_none() && champion.is_none() {
        return 0;
    }
    let nets = retraining.as_ref().map_or(0, |retraining| retraining.running.len() as u16);
    1 + u16::from(champion.is_some()) + nets.min(most_nets)
}

/// Draws the part.
pub(crate) fn draw(frame: &mut Frame, area: Rect, status: &Status, theme: Theme) {
    let FinalsStatus { retraining, champion, .. } = &status.finals;
    let block = rule(title(status, theme), theme);
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let champion = champion.iter().map(|champion| champion_line(champion, theme));
    let nets = retraining.iter().flat_map(|retraining| &retraining.running);
    let nets = nets.map(|trial| net_line(trial, theme, area.width));
    frame.render_widget(Paragraph::new(champion.chain(nets).collect::<Vec<_>>()), inner);
}

/// Which arm is better once retrained, with what it rests on.
fn title(status: &Status, theme: Theme) -> Line<'static> {
    let RetrainedStatus { mean, low, high, verdict: words, .. } = &status.finals.comparison;
    let objective = status.objective().of_tests();
    verdict(("The choice", words), [*mean, *low, *high], (objective, theme))
}

fn champion_line(champion: &ChampionStatus, theme: Theme) -> Line<'static> {
    let [valid, test] = [champion.valid_score(), champion.test_score()]
        .map(|score| or_dash(score, |score| score.shown()));
    let (arm, cycle) =
        (if champion.arm == Arm::Random.name() { "random" } else { "policy" }, champion.cycle);
    let text = format!("champion  {valid} valid, {test} test, {arm}, cycle {}  ", nth(cycle));
    Line::from(vec![
        Span::styled(text, Theme::strong()),
        Span::styled(champion.id.clone(), theme.dim()),
    ])
}

/// A net under way, with a bar of its epochs.
fn net_line(trial: &TrialStatus, theme: Theme, width: u16) -> Line<'static> {
    let TrialStatus { id, seed, epoch, epochs, loss, .. } = trial;
    let name = format!("{id} #{}", nth(u64::from(*seed)));
    let loss = or_dash(*loss, |loss| format!("loss {loss:.4}"));
    bar(
        (name, share(*epoch, *epochs), format!("epoch {epoch}/{epochs}, {loss}")),
        theme.bar(),
        width,
    )
}
