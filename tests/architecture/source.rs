//! Rust text as the checks need it: without comments, strings and tests, statement by statement.
//!
//! It reads what rustfmt writes; it is no parser.

/// Words that read or hold the time of day.
pub(crate) const CLOCKS: &[&str] = &["Instant", "SystemTime", "UNIX_EPOCH"];

/// The paths that a statement names; the braces of a `use` are written out.
pub(crate) fn paths(statement: &str) -> Vec<String> {
    if let Some(tree) = use_tree(statement) {
        return written_out(tree.trim_end_matches(';').trim_start_matches("::"));
    }
    let path_char = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let words = statement.split(|c| !path_char(c)).map(|word| word.trim_start_matches("::"));
    let is_path = |word: &&str| word.contains("::") || CLOCKS.contains(word);
    words.filter(is_path).map(str::to_owned).collect()
}

fn use_tree(statement: &str) -> Option<&str> {
    let (before, tree) = statement.split_once("use ")?;
    (before.is_empty() || before.starts_with("pub")).then_some(tree)
}

fn written_out(tree: &str) -> Vec<String> {
    let Some((start, rest)) = tree.split_once('{') else {
        return vec![tree.split(" as ").next().unwrap_or(tree).trim().to_owned()];
    };
    let (mut nested, mut part) = (0, String::new());
    let mut paths = Vec::new();
    for c in rest.chars() {
        match c {
            '}' if nested == 0 => break,
            ',' if nested == 0 => {
                paths.extend(written_out(&format!("{}{}", start.trim(), part.trim())));
                part.clear();
                continue;
            }
            '{' => nested += 1,
            '}' => nested -= 1,
            _ => {}
        }
        part.push(c);
    }
    if !part.trim().is_empty() {
        paths.extend(written_out(&format!("{}{}", start.trim(), part.trim())));
    }
    paths
}

/// The lines, with their numbers; those of a `use` are put together.
pub(crate) fn statements(code: &str) -> Vec<(usize, String)> {
    let mut statements: Vec<(usize, String)> = Vec::new();
    let mut open = false;
    for (idx, line) in code.lines().enumerate() {
        let line = line.trim();
        match statements.last_mut().filter(|_| open) {
            Some((_, statement)) => statement.push_str(line),
            None => statements.push((idx + 1, line.to_owned())),
        }
        let (_, statement) = &statements[statements.len() - 1];
        open = use_tree(statement).is_some() && !statement.ends_with(';');
    }
    statements
}

/// Blanks the items under `#[cfg(test)]`. As rustfmt lays code out, an item ends with the brace
/// that stands as far left as its attribute.
pub(crate) fn without_tests(code: &str) -> String {
    let mut kept = String::new();
    let mut lines = code.lines();
    while let Some(line) = lines.next() {
        let attribute = line.trim_start();
        if !attribute.starts_with("#[cfg(test)]") && !attribute.starts_with("#[cfg(all(test") {
            kept.push_str(line);
            kept.push('\n');
            continue;
        }
        kept.push('\n');
        let end = format!("{}}}", &line[..line.len() - attribute.len()]);
        let mut begun = false;
        for skipped in lines.by_ref() {
            kept.push('\n');
            let one_line = !begun && skipped.ends_with([';', '}']);
            if one_line || skipped.starts_with(&end) {
                break;
            }
            begun |= !skipped.trim_start().starts_with("#[");
        }
    }
    kept
}

/// The text with comments and the insides of strings and characters left out; lines stay.
pub(crate) fn code_of(text: &str) -> String {
    let mut code = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let (kept, length) = match c {
            '/' if rest.starts_with("//") => ("", rest.find('\n').unwrap_or(rest.len())),
            '/' if rest.starts_with("/*") => ("", after(rest, 2, "*/")),
            '"' => ("\"\"", end_of_string(rest)),
            'r' if !code.ends_with(|c: char| c.is_alphanumeric() || c == '_') => {
                let hashes = rest[1..].len() - rest[1..].trim_start_matches('#').len();
                if rest[1 + hashes..].starts_with('"') {
                    ("\"\"", after(rest, 2 + hashes, &format!("\"{}", "#".repeat(hashes))))
                } else {
                    ("r", 1)
                }
            }
            '\'' => match end_of_char(rest) {
                Some(end) => ("' '", end),
                None => ("'", 1),
            },
            _ => (&rest[..c.len_utf8()], c.len_utf8()),
        };
        code.push_str(kept);
        if 1 < length {
            code.extend(rest[..length].matches('\n'));
        }
        rest = &rest[length..];
    }
    code
}

/// Where `end` is over, looked for from `from` on.
fn after(text: &str, from: usize, end: &str) -> usize {
    text[from..].find(end).map_or(text.len(), |at| from + at + end.len())
}

fn end_of_string(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The end of a character such as `'a'` or `'\n'`; none for a lifetime.
fn end_of_char(text: &str) -> Option<usize> {
    let inside = text[1..].chars().next()?;
    if inside == '\\' {
        return Some(after(text, 3, "'"));
    }
    let end = 1 + inside.len_utf8();
    text[end..].starts_with('\'').then_some(end + 1)
}
