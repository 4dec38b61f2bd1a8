//! What a setting takes: its type and range in one, and how both are said in a sentence.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::ops::{Bound, RangeBounds, RangeInclusive};

use serde_json::Value;

use crate::setting::{LOG_LEVELS, is_log_filter};

/// What a setting takes. Written as the object of "takes".
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    /// A whole number within both ends.
    Whole {
        /// The smallest.
        min: u64,
        /// The largest.
        max: u64,
    },
    /// A finite number within the bounds.
    Real {
        /// The lower end.
        low: Bound<f64>,
        /// The upper end.
        high: Bound<f64>,
    },
    /// `true` or `false`.
    Switch,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// A path, or unset.
    Path {
        /// The most bytes that the system takes.
        max_bytes: usize,
    },
    /// Numeric user ids.
    Uids {
        /// The most ids.
        max: usize,
    },
    /// Names or addresses of machines.
    Hosts {
        /// The most names.
        max: usize,
    },
    /// What computes.
    Device,
    /// The address of the metrics.
    Address,
    /// A log filter.
    LogFilter,
}

/// A path as Linux takes it, without its final zero.
pub const PATH: Rule = Rule::Path { max_bytes: 4095 };

/// A whole number.
pub const fn whole(range: RangeInclusive<u64>) -> Rule {
    Rule::Whole { min: *range.start(), max: *range.end() }
}

/// A whole number that is a size in memory.
pub const fn size(range: RangeInclusive<usize>) -> Rule {
    Rule::Whole { min: *range.start() as u64, max: *range.end() as u64 }
}

/// `[low, high]`
pub const fn from(low: f64, high: f64) -> Rule {
    Rule::Real { low: Bound::Included(low), high: Bound::Included(high) }
}

/// `(low, high]`
pub const fn above(low: f64, high: f64) -> Rule {
    Rule::Real { low: Bound::Excluded(low), high: Bound::Included(high) }
}

/// `(low, high)`
pub const fn between(low: f64, high: f64) -> Rule {
    Rule::Real { low: Bound::Excluded(low), high: Bound::Excluded(high) }
}

/// `[low, high)`
pub const fn below(low: f64, high: f64) -> Rule {
    Rule::Real { low: Bound::Included(low), high: Bound::Excluded(high) }
}

/// One of these words.
pub const fn one_of(words: &'static [&'static str]) -> Rule {
    Rule::OneOf(words)
}

impl Rule {
    /// The value that `text`, from the environment or a flag, stands for; the text itself where
    /// it has not the form of this rule.
    pub fn read(self, text: &str) -> Value {
        let typed = match self {
            Self::Whole { .. } => text.parse::<u64>().ok().map(Value::from),
            Self::Real { .. } => {
                text.parse().ok().and_then(serde_json::Number::from_f64).map(Value::Number)
            }
            Self::Switch => text.parse::<bool>().ok().map(Value::from),
            Self::Uids { .. } => read_list(text, |id| id.parse::<u64>().ok().map(Value::from)),
            Self::Hosts { .. } => read_list(text, |name| Some(name.trim_matches('"').into())),
            Self::OneOf(_) | Self::Path { .. } | Self::Device | Self::Address | Self::LogFilter => {
                None
            }
        };
        typed.unwrap_or_else(|| Value::from(text))
    }

    /// Whether `value` has the type and lies in the range of this rule.
    pub fn permits(self, value: &Value) -> bool {
        match self {
            Self::Whole { min, max } => value.as_u64().is_some_and(|n| (min..=max).contains(&n)),
            Self::Real { low, high } => value.as_f64().is_some_and(|x| (low, high).contains(&x)),
            Self::Switch => value.is_boolean(),
            Self::OneOf(words) => value.as_str().is_some_and(|word| words.contains(&word)),
            Self::Path { max_bytes } => value.is_null() || is_path(value, max_bytes),
            Self::Uids { max } => value.as_array().is_some_and(|ids| {
                ids.len() <= max && ids.iter().all(|id| id.as_u64().is_some_and(is_uid))
            }),
            Self::Hosts { max } => value.as_array().is_some_and(|names| {
                names.len() <= max && names.iter().all(|name| name.as_str().is_some_and(is_host))
            }),
            Self::Device => value.as_str().is_some_and(is_device),
            Self::Address => value
                .as_str()
                .is_some_and(|text| text == "off" || text.parse::<SocketAddr>().is_ok()),
            Self::LogFilter => value.as_str().is_some_and(is_log_filter),
        }
    }

    /// Whether `value` is a text that would be right as a number or a switch.
    pub fn is_only_quoted(self, value: &Value) -> bool {
        value.as_str().is_some_and(|text| {
            let bare = self.read(text.trim());
            !bare.is_string() && self.permits(&bare)
        })
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Whole { min, max } => write!(f, "a whole number from {min} to {max}"),
            Self::Real { low, high } => {
                match low {
                    Bound::Included(low) => write!(f, "a number from {low}")?,
                    Bound::Excluded(low) => write!(f, "a number above {low} and")?,
                    Bound::Unbounded => f.write_str("a number")?,
                }
                match high {
                    Bound::Included(high) => write!(f, " up to {high}"),
                    Bound::Excluded(high) => write!(f, " to below {high}"),
                    Bound::Unbounded => Ok(()),
                }
            }
            Self::Switch => f.write_str("`true` or `false`"),
            Self::OneOf([word]) => write!(f, "`{word}`"),
            Self::OneOf(words) => write!(f, "one of {}", quoted(words)),
            Self::Path { max_bytes } => {
                write!(f, "a path of 1 to {max_bytes} bytes of UTF-8, in which `~` is not expanded")
            }
            Self::Uids { max } => write!(f, "a list of at most {max} numeric user ids"),
            Self::Hosts { max } => {
                write!(f, "a list of at most {max} host names or addresses, without ports")
            }
            Self::Device => f.write_str("`cpu`, `auto` or `cuda:N` with N from 0 to 255"),
            Self::Address => f.write_str("`off` or an IP address and a port (`127.0.0.1:9899`)"),
            Self::LogFilter => write!(
                f,
                "a level or `module=level`, separated by commas; the levels are {}",
                quoted(&LOG_LEVELS)
            ),
        }
    }
}

fn quoted(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

/// Values separated by commas, in brackets or bare; no text is no value.
fn read_list(text: &str, read: impl Fn(&str) -> Option<Value>) -> Option<Value> {
    let text = text.trim();
    let inner = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    if inner.trim().is_empty() {
        return Some(Value::Array(Vec::new()));
    }
    inner.split(',').map(|one| read(one.trim())).collect()
}

/// The last number is not an id: the system uses it for "no user".
fn is_uid(id: u64) -> bool {
    id < u64::from(u32::MAX)
}

fn is_host(name: &str) -> bool {
    let is_named = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let is_name = (1..=253).contains(&name.len()) && name.chars().all(is_named);
    is_name || name.parse::<IpAddr>().is_ok()
}

fn is_path(value: &Value, max_bytes: usize) -> bool {
    value.as_str().is_some_and(|path| {
        let strange = ['\0', char::REPLACEMENT_CHARACTER];
        (1..=max_bytes).contains(&path.len()) && !path.starts_with('~') && !path.contains(strange)
    })
}

fn is_device(text: &str) -> bool {
    // Digits alone: `parse` would take `+1` too.
    let is_number =
        |digits: &str| digits.bytes().all(|c| c.is_ascii_digit()) && digits.parse::<u8>().is_ok();
    matches!(text, "cpu" | "auto") || text.strip_prefix("cuda:").is_some_and(is_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads each text by `rule` and compares whether it is permitted.
    #[track_caller]
    fn check(rule: Rule, right: &[&str], wrong: &[&str]) {
        for text in right {
            assert!(rule.permits(&rule.read(text)), "{text} is no {rule}");
        }
        for text in wrong {
            assert!(!rule.permits(&rule.read(text)), "{text} is {rule}");
        }
    }

    #[test]
    fn whole_numbers_end_where_their_range_ends() {
        let rule = whole(2..=7);
        check(rule, &["2", "7"], &["1", "8", "-2", "2.0", "", "two", "1e1", " 2"]);
        check(whole(0..=u64::MAX), &["18446744073709551615"], &["-1"]);
    }

    #[test]
    fn real_numbers_respect_open_ends_and_are_finite() {
        check(
            above(0.0, 1.0),
            &["1", "1e-9", "0.5"],
            &["0", "-0.0", "1.0001", "nan", "inf", "-inf", "x"],
        );
        check(below(0.0, 1.0), &["0", "0.999"], &["1", "-0.001"]);
        assert!(!below(0.0, 1.0).permits(&Value::Null));
    }

    #[test]
    fn devices_are_cpu_auto_or_a_numbered_gpu() {
        check(
            Rule::Device,
            &["cpu", "auto", "cuda:0", "cuda:255"],
            &["", "CPU", "cuda", "cuda:", "cuda:256", "cuda:+1", "cuda:-1", "gpu"],
        );
    }

    #[test]
    fn addresses_have_a_port() {
        check(
            Rule::Address,
            &["off", "127.0.0.1:9899", "[::1]:9899", "0.0.0.0:1"],
            &["", "127.0.0.1", "localhost:9899", "9899", "127.0.0.1:99999", "on"],
        );
    }

    #[test]
    fn log_filters_name_real_levels() {
        check(
            Rule::LogFilter,
            &["info", "warn,enasd::search=debug", "off, actix=error"],
            &["", "infoo", "info,", "=info", "enasd=loud", "INFO", "enasd[span]=info"],
        );
    }

    #[test]
    fn user_ids_are_a_list_of_numbers() {
        check(
            Rule::Uids { max: 3 },
            &["", "[]", "1000", "1000, 1001", "[0,4294967294]"],
            &["alice", "4294967295", "-1", "1;2", "1,2,3,4", "1,"],
        );
    }

    #[test]
    fn hosts_are_a_list_of_names_without_ports() {
        check(
            Rule::Hosts { max: 3 },
            &["", "[]", "gpu1", "gpu1.lan, 10.0.0.5", "[\"gpu1\", \"2001:db8::7\"]"],
            &["gpu1:9899", "http://gpu1", "*", "a,b,c,d", "a,", "[[::1]]"],
        );
    }

    #[test]
    fn paths_are_short_and_not_from_the_shell() {
        let rule = Rule::Path { max_bytes: 8 };
        check(rule, &["/var/lib", "a"], &["", "/var/lib/", "~/state", "a\0b", "\u{fffd}"]);
        assert!(rule.permits(&Value::Null), "an unset path is permitted");
    }
}
