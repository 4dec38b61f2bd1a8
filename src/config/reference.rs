//! The reference file, `config/enasd.toml`, against the settings: it has every key with its
//! default, and above each what the key takes.
#![cfg(test)]

use std::fmt::Display;
use std::ops::Bound::{Excluded, Included, Unbounded};
use std::path::Path;

use crate::config::keys::{self, settings, split};
use crate::config::{Config, Source};
use crate::setting::{IMAGES, LOG_LEVELS, PATH, Role, Rule};

const TEXT: &str = include_str!("../../config/enasd.toml");

/// The comment above the key called `path`, on one line.
fn comment(path: &str) -> String {
    let (section, name) = split(path);
    let mut parts = TEXT.split("\n[");
    let part = match section {
        "" => parts.next(),
        _ => parts.find(|part| part.starts_with(&format!("{section}]"))),
    };
    let mut above = Vec::new();
    for line in part.unwrap().lines() {
        let text = line.strip_prefix("# ");
        let set = |key: &str| text.unwrap_or(line).starts_with(&format!("{} = ", split(key).1));
        if set(name) {
            return above.join(" ");
        }
        match text {
            Some(text) if !keys::keys().any(set) => above.push(text),
            _ => above.clear(),
        }
    }
    panic!("no `{path}` in the reference file")
}

/// What the comment above a key says where the key takes `rule`.
fn phrases(rule: Rule) -> Vec<String> {
    let quoted = |words: &[&str]| words.iter().map(|word| format!("\"{word}\"")).collect();
    match rule {
        // Every number, and every path that the system takes.
        Rule::Whole { min: 0, max: u64::MAX } => vec![],
        rule if rule == PATH => vec![],
        Rule::Whole { min, max } => vec![format!("{} to {}", grouped(min), grouped(max))],
        Rule::Real { low, high } => vec![match (low, high) {
            (Included(low), Included(high)) => format!("{} to {}", grouped(low), grouped(high)),
            (Included(low), Excluded(high)) => format!("from {low} to below {}", grouped(high)),
            (Excluded(low), Included(high)) => format!("above {low}, to {}", grouped(high)),
            (Excluded(low), Excluded(high)) => format!("above {low} and below {}", grouped(high)),
            (Unbounded, _) | (_, Unbounded) => panic!("{rule} has an end missing"),
        }],
        Rule::Switch => vec!["Whether".to_owned()],
        Rule::OneOf(words) => quoted(words),
        Rule::Path { max_bytes } => vec![format!("at most {max_bytes} bytes")],
        Rule::Uids { max } | Rule::Hosts { max } => vec![format!("at most {max}")],
        Rule::Device => quoted(&["cpu", "cuda:N", "auto"]),
        Rule::Address => quoted(&["off"]),
        Rule::LogFilter => LOG_LEVELS.map(str::to_owned).to_vec(),
    }
}

/// `number` with a comma at every third digit where it has five or more before its point.
fn grouped(number: impl Display) -> String {
    let text = number.to_string();
    let n_digits = text.find('.').unwrap_or(text.len());
    let is_group = |idx: usize| 4 < n_digits && (1..n_digits).contains(&idx);
    let mut spelled = String::new();
    for (idx, digit) in text.chars().enumerate() {
        if is_group(idx) && (n_digits - idx).is_multiple_of(3) {
            spelled.push(',');
        }
        spelled.push(digit);
    }
    spelled
}

/// Whether `phrase` stands in `text`, and not as a part of longer words or numbers.
fn says(text: &str, phrase: &str) -> bool {
    let goes_on = |rest: &str| {
        let rest = rest.strip_prefix([',', '.', '^']).unwrap_or(rest);
        rest.starts_with(|c: char| c.is_ascii_digit())
    };
    text.match_indices(phrase).any(|(at, _)| {
        let (before, after) = (&text[..at], &text[at + phrase.len()..]);
        let is_cut = before.ends_with(|c: char| c.is_alphanumeric() || c == ',' || c == '.')
            || after.starts_with(char::is_alphanumeric);
        !is_cut && !goes_on(after)
    })
}

#[test]
fn it_sets_every_key_to_its_default() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/enasd.toml");
    let loaded = Config::load(Some(&path), std::iter::empty(), &[]).unwrap();
    assert_eq!(loaded.config, Config::default());
    for key in keys::keys() {
        let unset_by_default = ["data.path", "store.state", "api.socket"].contains(&key);
        let is_set = matches!(loaded.sources[key], Source::File { .. });
        assert_ne!(is_set, unset_by_default, "{key}");
    }
}

#[test]
fn it_says_above_every_key_what_the_key_takes() {
    for key in settings() {
        let comment = comment(key.path);
        for phrase in phrases(key.rule) {
            // A space may stand before it.
            let says = says(&comment.to_lowercase(), &phrase.to_lowercase());
            assert!(says, "{}: no `{phrase}` in `{comment}`", key.path);
        }
    }
}

#[test]
fn it_says_of_which_space_a_key_is() {
    for key in settings() {
        let comment = comment(key.path);
        let space = comment.strip_prefix("Of ").and_then(|rest| rest.split_once(':'));
        let found = space.map_or("", |(spaces, _)| spaces);
        let expected = match key.only_of {
            IMAGES => "images".to_owned(),
            spaces => spaces.join(" and "),
        };
        assert_eq!(found, expected, "{}", key.path);
    }
}

#[test]
fn it_says_which_keys_may_change_and_when() {
    let text = TEXT.replace("\n# ", " ");
    let paths = |is: &dyn Fn(Role) -> bool, of: &dyn Fn(&str) -> bool| {
        let found = settings().filter(|key| is(key.role) && of(split(key.path).0));
        found.map(|key| key.path).collect::<Vec<_>>().join(", ")
    };
    let is_bound = |section: &str| {
        settings().any(|key| split(key.path).0 == section && key.role == Role::Search)
    };
    let free = paths(&|role| role != Role::Search, &is_bound);
    let sections = keys::sections().filter(|section| !is_bound(section));
    let sections: Vec<String> = sections.map(|section| format!("[{section}]")).collect();
    let (last, others) = sections.split_last().unwrap();
    let bound = format!("all keys but {free} and those of {} and {last}.", others.join(", "));
    assert!(says(&text, &bound), "{bound}");
    let live = paths(&|role| role == Role::Live, &|_| true);
    assert!(text.contains(&format!(": {live}.")), "{live}");
}

#[test]
fn a_range_that_the_comment_has_not_is_found() {
    let check = |rule, comment: &str, expected: bool| {
        let found = phrases(rule).iter().all(|phrase| says(comment, phrase));
        assert_eq!(found, expected, "{rule} in `{comment}`");
    };
    let size = Rule::Whole { min: 1, max: 40 };
    check(size, "Cells, 1 to 40.", true);
    for comment in ["Cells.", "1 to 400", "1 to 40,000", "1 to 40.5", "11 to 40", "1 to 4", "1–40"]
    {
        check(size, comment, false);
    }
    check(Rule::Whole { min: 0, max: 65_536 }, "0 to 65,536; 0 for all", true);
    check(Rule::Real { low: Excluded(0.0), high: Included(1e6) }, "above 0, to 1,000,000.", true);
    check(Rule::Real { low: Included(0.0), high: Included(1e6) }, "above 0, to 1,000,000.", false);
    check(Rule::Real { low: Included(0.0), high: Excluded(1.0) }, "from 0 to below 1", true);
    check(Rule::Real { low: Included(0.0), high: Included(1.0) }, "from 0 to below 1", false);
    check(Rule::OneOf(&["a", "b"]), "\"a\", or c", false);
}
