//! The screen as it is drawn, at three sizes, and what news and keys do to it.

#![cfg(test)]

use enasd::actors::{
    AdvantageStatus, ChampionStatus, DerivationStatus, PlaceStatus, RetrainedStatus,
    RetrainingStatus, RunState, ScoreView, Status, TrialStatus,
};
use enasd::api::wire::Event;
use jiff::tz::TimeZone;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::style::{Color, Modifier};

use crate::top::command::Command;
use crate::top::frame::draw;
use crate::top::looked_at::{NOW, rewards, status};
use crate::top::screen::{Action, Link, News, Overlay, Screen};
use crate::top::theme::Theme;

/// A screen that looks at a running search.
fn screen() -> Screen {
    let mut screen = Screen::new("/run/enasd/api.sock".to_owned(), TimeZone::UTC);
    let earlier = Status { place: PlaceStatus { number: 20_000, ..status().place }, ..status() };
    screen.take(News::Status(Box::new(earlier)), NOW - 4.0);
    screen.take(News::Status(Box::new(status())), NOW);
    screen.take(News::History(rewards()), NOW);
    for (seq, (kind, message)) in
        [("started", "from nothing"), ("checkpoint", "at step 20200")].into_iter().enumerate()
    {
        let (kind, message) = (kind.to_owned(), message.to_owned());
        let event = Event { seq: seq as u64, unix_ms: 1_799_999_990_000, kind, message };
        screen.take(News::Event(event), NOW);
    }
    screen
}

/// A screen after its status changed.
fn changed(change: impl FnOnce(&mut Status)) -> Screen {
    let mut screen = screen();
    let mut status = status();
    change(&mut status);
    screen.take(News::Status(Box::new(status)), NOW);
    screen
}

fn drawn(screen: &Screen, columns: u16, rows: u16) -> String {
    terminal(screen, (columns, rows), Theme::Color).backend().to_string()
}

fn terminal(screen: &Screen, size: (u16, u16), theme: Theme) -> Terminal<TestBackend> {
    let mut terminal = Terminal::new(TestBackend::new(size.0, size.1)).unwrap();
    terminal.draw(|frame| draw(frame, screen, theme, NOW)).unwrap();
    terminal
}

fn key(code: KeyCode) -> KeyEvent {
    KeyEvent::new(code, KeyModifiers::NONE)
}

#[track_caller]
fn check_says(screen: &Screen, words: &[&str]) {
    let drawn = drawn(screen, 80, 24);
    for words in words {
        assert!(drawn.contains(words), "{words}\n{drawn}");
    }
}

#[test]
fn a_terminal_of_80_by_24_shows_everything_that_matters() {
    insta::assert_snapshot!(drawn(&screen(), 80, 24), @r#"
    "enasd 0.1.0 · cpu, fast (AVX-512), 2 threads · micro, 5 nodes · seed 7  running "
    "the search goes on, at search step 20,291                                       "
    "cycle 2, epoch 82         ███░░░░░░░░░░░░░░░░░░░░░   16 %, 2 min 38 s left      "
    "shared phase              █████████████░░░░░░░░░░░  step 121/219, 72.5 steps/s  "
    "checkpoint  8 s ago, 1.2 MB; 18 written, 0 failed; 12.3 GB free                 "
    " Shared weights: scores higher, +13.2 points (95 % +12.4 to +14.1) ─────────────"
    " 80 %│                            ⢀⣀⡀   ⡠  ━ policy     71.20 %                 "
    "     │            ⢀⡀   ⣀⠤⢄⡀⢀⠔⠉⠒⠤⠤⠔⠁ ⠈⠒⠒⠉   • random arm 58.03 %                 "
    "     │     ⢀⠤⠒⠤⣀⡰⠊⠁⠈⠒⠒⠉  •⠈⠁   •••  •••    entropy      12.35 nats (0.62 each)  "
    "     │⡠⠒⠑⠢⠔⠁••••••••• •••   •••   ••   ••  ω loss       0.8321 nats             "
    " 40 %│••                                   ω training   71.01 %                 "
    "     └──────────────────────────────────── images/s     3512                    "
    "                               360 θ steps archs        49,876 of 51,300        "
    " The best of the search ────────────────────────────────────────────────────────"
    "▸ 1 of 2  72.67 %  436 of 600, cycle 1  m5-0e4j07as3sy5zkyev                    "
    "normal cell                              reduction cell                         "
    "0 = h[k-2], 1 = h[k-1]                   0 = h[k-2], 1 = h[k-1]                 "
    "2 = avg 3×3(0) + sep 3×3(0) → out        2 = sep 3×3(1) + sep 3×3(1) → out      "
    "3 = identity(0) + sep 5×5(0) → out       3 = max 3×3(0) + avg 3×3(0)            "
    "4 = identity(0) + sep 5×5(1) → out       4 = sep 5×5(1) + sep 5×5(3) → out      "
    "5 = sep 3×3(1) + sep 5×5(0) → out        5 = sep 3×3(1) + identity(0) → out     "
    "6 = avg 3×3(0) + sep 5×5(1) → out        6 = max 3×3(0) + sep 5×5(1) → out      "
    "out = [2 3 4 5 6]                        out = [2 4 5 6]                        "
    "q quit · p pause · r resume · c checkpoint · ← → another one · ? help           "
    "#);
}

#[test]
fn a_larger_terminal_shows_more() {
    insta::assert_snapshot!(drawn(&screen(), 120, 40), @r#"
    "enasd 0.1.0 · cpu, fast (AVX-512), 2 threads · micro, 5 nodes · seed 7                                          running "
    "the search goes on, at search step 20,291                                                                               "
    "cycle 2, epoch 82         ██████████░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░   16 %, 2 min 38 s left      "
    "shared phase              ███████████████████████████████████░░░░░░░░░░░░░░░░░░░░░░░░░░░░░  step 121/219, 72.5 steps/s  "
    "checkpoint  8 s ago, 1.2 MB; 18 written, 0 failed; 12.3 GB free                                                         "
    " Shared weights: scores higher, +13.2 points (95 % +12.4 to +14.1) ─────────────────────────────────────────────────────"
    " 80 %│                                       ━ policy     71.20 %                 π of ops      normal      reduction   "
    "     │                                    ⡠  • random arm 58.03 %                 sep_conv_3x3  █░░░░░░░░░  ███░░░░░░░  "
    "     │                              ⡤⢢   ⡸   entropy      12.35 nats (0.62 each)  sep_conv_5x5  █████░░░░░  ███░░░░░░░  "
    "     │                        ⡔⠒⡄  ⡜  ⠱⣀⡰⠁   ω loss       0.8321 nats             avg_pool_3x3  ██░░░░░░░░  ██░░░░░░░░  "
    "     │                  ⡠⠢⡀  ⡜  ⠈⢆⠜          ω training   71.01 %                 max_pool_3x3  ██░░░░░░░░  █░░░░░░░░░  "
    "     │            ⡠⠢⡀  ⡰⠁ ⠑⢄⠜                images/s     3512                    identity      █░░░░░░░░░  █░░░░░░░░░  "
    "     │       ⢀   ⢠⠃ ⠘⠤⡰⠁                     archs        49,876 of 51,300                                              "
    "     │      ⡜⠁⠑⡄⢀⠎         •     ••   •••    learnt       +7.04 points                                                  "
    "     │     ⡜   ⠈⠁    •••  • •   •  •  •  ••  reliability  42.31 %                                                       "
    "     │⢀⠖⠑⠤⡸•  •• •  •   ••   •••    ••                                                                                  "
    "     │⡜  •  ••    ••     •                                                                                              "
    "     │• •   •                                                                                                           "
    "     │ •                                                                                                                "
    " 40 %│                                                                                                                  "
    "     └──────────────────────────────────────                                                                            "
    "                                 360 θ steps                                                                            "
    " The best of the search ────────────────────────────────────────────────────────────────────────────────────────────────"
    "▸ 1 of 2  72.67 %  436 of 600, cycle 1  m5-0e4j07as3sy5zkyev                                                            "
    "  2 of 2  66.83 %  401 of 600, cycle 1  m5-aefyxtjnxsb28gbps                                                            "
    "normal cell                                                  reduction cell                                             "
    "0  1                     0 = h[k-2], 1 = h[k-1]              0  1                     0 = h[k-2], 1 = h[k-1]            "
    "●──┼──2                  2 = avg 3×3(0) + sep 3×3(0) → out   │  ●──2                  2 = sep 3×3(1) + sep 3×3(1) → out "
    "●──┼──┼──3               3 = identity(0) + sep 5×5(0) → out  ●──┼──┼──3               3 = max 3×3(0) + avg 3×3(0)       "
    "●──●──┼──┼──4            4 = identity(0) + sep 5×5(1) → out  │  ●──┼──●──4            4 = sep 5×5(1) + sep 5×5(3) → out "
    "●──●──┼──┼──┼──5         5 = sep 3×3(1) + sep 5×5(0) → out   ●──●──┼─────┼──5         5 = sep 3×3(1) + identity(0) → out"
    "●──●──┼──┼──┼──┼──6      6 = avg 3×3(0) + sep 5×5(1) → out   ●──●──┼─────┼──┼──6      6 = max 3×3(0) + sep 5×5(1) → out "
    "      ╰──┴──┴──┴──┴──▶   out = [2 3 4 5 6]                         ╰─────┴──┴──┴──▶   out = [2 4 5 6]                   "
    " What happened ─────────────────────────────────────────────────────────────────────────────────────────────────────────"
    "2027-01-15 07:59:50 +00:00  started  from nothing                                                                       "
    "2027-01-15 07:59:50 +00:00  checkpoint  at step 20200                                                                   "
    "                                                                                                                        "
    "                                                                                                                        "
    "                                                                                                                        "
    "q quit · p pause · r resume · c checkpoint · ← → another one · ? help                                                   "
    "#);
}

#[test]
fn a_smaller_terminal_gets_a_note() {
    insta::assert_snapshot!(drawn(&screen(), 60, 20), @r#"
    "This terminal has 60 columns and 20 rows; enasctl top needs "
    "80 and 24. Make it larger, or use `enasctl watch`. q quits. "
    "                                                            "
    "                                                            "
    "                                                            "
    "                                                            "
    "                                                            "
    "                                                            "
    "                                                            "
    "                                                            "
    "                                                            "
    "                                                            "
    "                                                            "
    "                                                            "
    "                                                            "
    "                                                            "
    "                                                            "
    "                                                            "
    "                                                            "
    "                                                            "
    "#);
}

#[test]
fn every_size_can_be_drawn() {
    let mut screen = changed(|status| {
        status.checkpoint.last_error = Some("the disk is full ".repeat(40));
        status.space_size = "a long size ".repeat(20);
        retrains(status);
    });
    screen.note = Some((crate::condition::Severity::Bad, "a long refusal ".repeat(60)));
    for overlay in [Overlay::None, Overlay::Help, Overlay::Question(Command::Pause)] {
        screen.overlay = overlay;
        for columns in [1, 2, 13, 79, 80, 81, 112, 200] {
            for rows in [1, 2, 23, 24, 25, 33, 34, 60] {
                drawn(&screen, columns, rows);
            }
        }
    }
}

#[test]
fn before_the_first_answers_it_says_what_it_waits_for() {
    let mut screen = Screen::new("/run/enasd/api.sock".to_owned(), TimeZone::UTC);
    check_says(&screen, &["waiting", "asking the daemon at /run/enasd/api.sock", "q quit"]);
    screen.take(News::Status(Box::default()), NOW);
    check_says(&screen, &["starting", "no rewards yet", "no architecture is derived yet"]);
}

#[test]
fn states_are_told_in_plain_words() {
    check_says(&changed(|s| s.state = RunState::Paused), &[" paused ", "until a resume"]);
    check_says(&changed(|s| s.updated_unix_seconds -= 1000.0), &[" stalled ", "16 min 40 s"]);
    check_says(&changed(|s| s.recoveries_total = 2), &["recovered    2, after errors"]);
    let failing = changed(|s| {
        s.checkpoint.last_error = Some("cannot write /var/lib/enasd: the disk is full".to_owned());
        s.checkpoint.failures_total = 3;
    });
    check_says(&failing, &[" degraded ", "the disk is full; the search goes"]);
    check_says(&failing, &["3 failed, 0 rejected"]);
    let derives = DerivationStatus { scored: 12, of: 110 };
    let deriving = changed(|s| s.derivation = Some(derives));
    check_says(&deriving, &["derive                    ██░", "12 of 110 scored"]);
    check_says(&changed(retrains), &["retrain                   ██████░", "15 of 60 epochs"]);
    let early = changed(|s| s.advantage = AdvantageStatus::default());
    check_says(&early, &["Shared weights:"]);
}

#[test]
fn a_high_screen_has_a_line_for_each_advice() {
    let screen = changed(|status| {
        let long = format!("a reward is mostly noise{}", ", which is a pity".repeat(10));
        status.diagnosis.advice = vec![long, "raise this".to_owned()];
    });
    let high = drawn(&screen, 120, 40);
    let lines: Vec<&str> = high.lines().map(|line| line.trim_matches('"')).collect();
    let at = lines.iter().position(|line| line.starts_with("advice      a reward")).unwrap();
    assert!(lines[at - 1].starts_with("checkpoint  ") && lines[at].ends_with('…'), "{high}");
    assert_eq!(lines[at + 1].trim_end(), "advice      raise this");
    assert!(!drawn(&screen, 80, 24).contains("advice"));
}

/// Two of four nets are under way, and there is a champion.
fn retrains(status: &mut Status) {
    let net = |id: &str, seed, epoch, loss| TrialStatus {
        id: id.to_owned(),
        seed,
        epoch,
        began: 0,
        epochs: 15,
        loss,
        train_accuracy: None,
    };
    let running = vec![
        net("m5-0e4j07as3sy5zkyev", 0, 10, Some(0.4321)),
        net("m5-aefyxtjnxsb28gbps", 1, 5, None),
    ];
    status.finals.retraining =
        Some(RetrainingStatus { of: 4, epochs_of: 60, running, ..RetrainingStatus::default() });
    let score = |accuracy| vec![ScoreView { accuracy, ..ScoreView::default() }];
    status.finals.champion = Some(ChampionStatus {
        id: "m5-0e4j07as3sy5zkyev".to_owned(),
        arm: "derive".to_owned(),
        valid: score(0.91),
        test: score(0.905),
        ..ChampionStatus::default()
    });
    status.finals.comparison = RetrainedStatus {
        mean: Some(0.0031),
        low: Some(-0.004),
        high: Some(0.0102),
        verdict: "not told apart once retrained".to_owned(),
        ..RetrainedStatus::default()
    };
}

#[test]
fn rewards_that_are_no_accuracies_are_numbers() {
    let screen = changed(|status| {
        status.objective = "neg-log-nll".to_owned();
        status.policy.random_reward = Some(-0.25);
        retrains(status);
    });
    let drawn = drawn(&screen, 120, 40);
    for words in [
        "Shared weights: scores higher, +0.132 (95 % +0.124 to +0.141)",
        "The choice: not told apart once retrained, +0.3 points (95 % -0.4 to +1.0)",
        "━ policy     0.7120",
        "• random arm -0.2500",
        "ω training   71.01 %",
        "  0.8│",
        "  0.4│",
    ] {
        assert!(drawn.contains(words), "{words}\n{drawn}");
    }
}

#[test]
fn nets_that_are_retrained_are_shown_with_their_epochs_and_the_champion() {
    let screen = changed(retrains);
    for (columns, rows) in [(80, 24), (120, 40)] {
        let drawn = drawn(&screen, columns, rows);
        for words in [
            "Shared weights: scores higher, +13.2 points",
            "The choice: not told apart once retrained, +0.3 points (95 % -0.4 to +1.0)",
            "champion  91.00 % valid, 90.50 % test, policy, cycle 1  m5-0e4j07as3sy5zkyev",
            "m5-0e4j07as3sy5zkyev #1   ████",
            "epoch 10/15, loss 0.4321",
            "m5-aefyxtjnxsb28gbps #2   ███",
            "epoch 5/15, -",
        ] {
            assert!(drawn.contains(words), "{words}\n{drawn}");
        }
    }
    let low = drawn(&screen, 80, 24);
    assert!(low.contains("random arm") && low.contains("▸ 1 of 2"), "{low}");
}

#[test]
fn a_daemon_that_is_gone_is_told_and_its_past_is_told_anew_when_one_is_back() {
    let mut screen = screen();
    screen.take(News::Gone("no daemon answers".to_owned()), NOW);
    check_says(&screen, &[" no daemon ", "no daemon answers; asking again", "cycle 2, epoch 82"]);
    let dim = |screen: &Screen| {
        let terminal = terminal(screen, (80, 24), Theme::Plain);
        terminal.backend().buffer()[(0, 12)].modifier.contains(Modifier::DIM)
    };
    assert!(dim(&screen), "what is shown is past");
    assert_eq!(screen.key(key(KeyCode::Char('c'))), Action::Draw);
    check_says(&screen, &["checkpoint: no daemon is there to do it"]);
    assert_eq!(screen.curve.len(), 360);
    screen.take(News::Status(Box::new(status())), NOW);
    assert!(!dim(&screen));
    assert_eq!((&screen.link, screen.curve.len(), screen.events.len()), (&Link::Up, 0, 0));
}

#[test]
fn a_command_is_asked_for_before_it_is_sent_and_its_answer_is_shown() {
    let mut screen = screen();
    assert_eq!(screen.key(key(KeyCode::Char('p'))), Action::Draw);
    check_says(&screen, &["Pause the search after the step under way? y: yes"]);
    assert_eq!(screen.key(key(KeyCode::Esc)), Action::Draw);
    check_says(&screen, &["pause: not done"]);
    screen.key(key(KeyCode::Char('c')));
    assert_eq!(screen.key(key(KeyCode::Char('y'))), Action::Send(Command::Checkpoint));
    check_says(&screen, &["checkpoint: waiting for the daemon"]);
    screen.take(News::Answer(Err("user 65534 may read and not command".to_owned())), NOW);
    check_says(&screen, &["user 65534 may read and not command"]);
    screen.take(News::Answer(Ok("the search goes on".to_owned())), NOW);
    check_says(&screen, &["the search goes on"]);
}

#[test]
fn what_changes_nothing_is_left_to_the_daemon_to_refuse() {
    let mut screen = screen();
    assert_eq!(screen.key(key(KeyCode::Char('r'))), Action::Send(Command::Resume));
    let mut screen = changed(|status| status.state = RunState::Paused);
    assert_eq!(screen.key(key(KeyCode::Char('p'))), Action::Send(Command::Pause));
    assert_eq!(screen.key(key(KeyCode::Char('r'))), Action::Draw);
    assert_eq!(screen.overlay, Overlay::Question(Command::Resume));
}

#[test]
fn q_escape_and_control_c_quit_and_help_opens_and_closes() {
    for code in [KeyCode::Char('q'), KeyCode::Esc] {
        assert_eq!(screen().key(key(code)), Action::Quit);
    }
    let mut screen = screen();
    screen.key(key(KeyCode::Char('?')));
    check_says(&screen, &["quit; the daemon goes on"]);
    let control_c = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    assert_eq!(screen.key(control_c), Action::Quit);
    assert_eq!(screen.key(key(KeyCode::Char('q'))), Action::Draw, "it closes the help");
    assert_eq!(screen.overlay, Overlay::None);
}

#[test]
fn arrows_look_at_another_one_and_stay_within_the_list() {
    let mut screen = screen();
    check_says(&screen, &["▸ 1 of 2  72.67 %", "avg 3×3(0) + sep 3×3(0)"]);
    for _ in 0..3 {
        screen.key(key(KeyCode::Down));
    }
    check_says(&screen, &["▸ 2 of 2  66.83 %", "2 = identity(0) + identity(1)"]);
    // The list may be shorter after a restart.
    screen.take(News::Status(Box::new(Status { best: Vec::new(), ..status() })), NOW);
    check_says(&screen, &["no architecture is derived yet"]);
    screen.take(News::Status(Box::new(status())), NOW);
    screen.key(key(KeyCode::Left));
    check_says(&screen, &["▸ 1 of 2"]);
}

#[test]
fn the_device_that_was_wanted_is_told_where_it_is_another() {
    check_says(&screen(), &[" · cpu, fast (AVX-512), 2 threads · "]);
    check_says(&changed(|s| s.device.wanted = "auto".to_owned()), &["cpu (auto wanted), fast"]);
}

#[test]
fn without_colours_no_cell_of_the_terminal_has_one() {
    let mut screen = changed(|status| status.checkpoint.last_error = Some("full".to_owned()));
    screen.key(key(KeyCode::Char('p')));
    let colors = |theme| {
        let terminal = terminal(&screen, (120, 40), theme);
        let cells = terminal.backend().buffer().content().iter();
        cells.filter(|cell| (cell.fg, cell.bg) != (Color::Reset, Color::Reset)).count()
    };
    assert!(0 < colors(Theme::Color));
    assert_eq!(colors(Theme::Plain), 0);
}
