//! The authors' strings of numbers, as people paste them.
//!
//! ```text
//! 0 2 0 0 …                     one line, or a line for each layer
//! [0, 2, 0, 0, …], [1, 0, …]    with commas and brackets, which end a line
//! [0 2 0 0 …]                   the log of the authors' search, with the score below
//! [1 0 1 0 …]
//! val_acc=0.8125
//! fixed_arc="0 2 0 0 …"         their scripts
//! fixed_arc="$fixed_arc 1 0 …"
//! --child_fixed_arc='0 2 …' \     their flags
//! normal: 0 2 0 0 …             names
//! ```

use crate::space::SpaceError;
use crate::space::scanner::QUOTES;

/// More digits than this in one word are numbers without blanks between them.
const MAX_DIGITS: usize = 15;

/// Whether `text` starts like numbers, so that an error should speak of them.
pub(super) fn looks_like(text: &str) -> bool {
    let is_number = |word: &str| word.starts_with(|c: char| "+-".contains(c) || c.is_numeric());
    let is_foreign = is_dictionary(text) || begins_with_sides(text);
    !is_foreign && all(text).next().is_some_and(is_number)
}

/// Whether `text` is a list of layers the first of which begins with a number, as in
/// `layers=[3x5x36, …]`.
pub(super) fn begins_with_sides(text: &str) -> bool {
    let list = text.strip_prefix("layers").map(|rest| rest.trim_start_matches(['=', '[', ' ']));
    list.is_some_and(|list| list.starts_with(|c: char| c.is_ascii_digit()))
}

/// How many words `text` has that are to be numbers.
pub(super) fn count(text: &str) -> usize {
    all(text).count()
}

/// Whether `text` begins with a key and its value in braces.
fn is_dictionary(text: &str) -> bool {
    let inner = text.strip_prefix('{').unwrap_or_default();
    inner.find([':', ',']).is_some_and(|at| inner[at..].starts_with(':'))
}

/// Whether `text` has lists in a list of which the first is of one number, as a net's layers have.
pub(super) fn is_ragged(text: &str) -> bool {
    let mut lists = text.split(['[', '(', '{']).skip(1);
    let is_nested = lists.next().is_some_and(|between| words(between).next().is_none());
    let first = lists.next().and_then(|list| list.split([']', ')', '}']).next());
    is_nested && first.is_some_and(|first| words(first).count() == 1)
}

/// Whether the lines of `text`, or its lists, have one number, two, three and so on, as those of a
/// net's layers do.
pub(super) fn is_triangle(text: &str) -> bool {
    let lines = lines(text).unwrap_or_default();
    1 < lines.len() && lines.iter().zip(1..).all(|(line, n)| line.len() == n)
}

/// The numbers of each line that has any, and of each list.
pub(super) fn lines(source: &str) -> Result<Vec<Vec<usize>>, SpaceError> {
    let mut position = 0;
    let mut number = |word| {
        position += 1;
        number(position, word)
    };
    let lists = source.lines().filter_map(values).flat_map(|line| line.split(']'));
    let lines = lists.map(|line| words(line).map(&mut number).collect());
    let lines: Vec<Vec<usize>> = lines.collect::<Result<_, SpaceError>>()?;
    Ok(lines.into_iter().filter(|line| !line.is_empty()).collect())
}

/// The words of `text` that are to be numbers.
fn all(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(values).flat_map(words)
}

/// The words of a line that are to be numbers. Brackets, commas and quotes only part them.
fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| c.is_whitespace() || QUOTES.contains(c) || "[](){},;\\".contains(c))
        .filter(|word| !word.is_empty() && !word.starts_with('$') && !is_aside(word))
}

/// What of a line is no name of a variable or a flag; nothing of one that gives a score.
fn values(line: &str) -> Option<&str> {
    let Some((name, value)) = line.split_once(['=', ':']) else { return Some(line) };
    let is_name = |c: char| c.is_ascii_alphanumeric() || "_- ".contains(c);
    if !name.trim().chars().all(is_name) {
        return Some(line);
    }
    let is_score = value.contains('.') && value.trim().parse::<f64>().is_ok();
    (!is_score).then_some(value)
}

/// Whether a word is a line drawn with dashes, as between two entries of a log, or a flag.
fn is_aside(word: &str) -> bool {
    word.strip_prefix("--").is_some_and(|rest| {
        let is_rule = !rest.is_empty() && rest.bytes().all(|c| c == b'-');
        is_rule || rest.starts_with(|c: char| c.is_ascii_alphabetic())
    })
}

fn number(position: usize, word: &str) -> Result<usize, SpaceError> {
    let digits = word.strip_prefix('+').unwrap_or(word);
    if digits.is_empty() || !digits.bytes().all(|c| c.is_ascii_digit()) {
        return Err(SpaceError::NotANumber { position, found: word.chars().take(20).collect() });
    }
    let digits = digits.trim_start_matches('0');
    let too_many = || SpaceError::LongNumber { position, digits: word.len() };
    if MAX_DIGITS < digits.len() { Err(too_many()) } else { Ok(digits.parse().unwrap_or(0)) }
}
