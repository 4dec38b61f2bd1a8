//! What DARTS' two kinds of genotype have in common: fields by their names or by their order, and a
//! field that names the nodes of which the output is made.

use crate::space::SpaceError;
use crate::space::literal::Literal;

/// The fields of a genotype of two cells in their order, with what is missing where one is not there.
const FIELDS: [(&str, &str); 4] = [
    ("normal", "a genotype with `normal=[…]`, the edges of the normal cell"),
    ("normal_concat", "a genotype with `normal_concat=[…]`, what the normal cell's output joins"),
    ("reduce", "a genotype with `reduce=[…]`, the edges of the reduction cell"),
    (
        "reduce_concat",
        "a genotype with `reduce_concat=[…]`, what the reduction cell's output joins",
    ),
];

const EACH: &str = "`normal`, `normal_concat`, `reduce` and `reduce_concat`, each once";
const EDGE: &str = "an edge such as `('sep_conv_3x3', 0)`";
const JOINED: &str = "what the output joins, such as `[2, 3]` or `range(2, 4)`";

/// The values of the fields that have these names, by them or by their order; `each` says what they
/// are where there are others.
pub(super) fn fields<'a, 'b, const N: usize>(
    genotype: &'b Literal<'a>,
    names: [&str; N],
    each: &'static str,
) -> Result<[Option<&'b Literal<'a>>; N], SpaceError> {
    let mut fields = [None; N];
    for (idx, item) in genotype.items().iter().enumerate() {
        let named = names.iter().position(|name| *name == item.key);
        let place = if item.key.is_empty() { Some(idx) } else { named };
        let Some(field @ None) = place.and_then(|place| fields.get_mut(place)) else {
            return Err(item.unexpected(each));
        };
        *field = Some(item);
    }
    Ok(fields)
}

/// The nodes of `[2, 3]`, `range(2, 4)` or `list(range(2, 4))`, sorted. No cell has more than `most`
/// nodes, whatever the text says.
pub(super) fn joined(found: &Literal<'_>, most: usize) -> Result<Vec<usize>, SpaceError> {
    if !found.is_list() {
        return Err(found.unexpected(JOINED));
    }
    let number = |item: &Literal<'_>| item.number(JOINED);
    match (found.word, found.items()) {
        ("range", [from, to]) => Ok((number(from)?..number(to)?.min(most + 1)).collect()),
        ("list", [range]) if range.word == "range" => joined(range, most),
        (_, nodes) => {
            let mut nodes: Vec<usize> = nodes.iter().map(number).collect::<Result<_, _>>()?;
            nodes.sort_unstable();
            Ok(nodes)
        }
    }
}

/// Whether `text` is a genotype of two cells rather than of a native form.
pub(super) fn is_of_cells(text: &str) -> bool {
    let pasted: String = text.chars().filter(|c| !c.is_whitespace()).take(9).collect();
    let has_tuples = ["normal=[(", "normal=[["].contains(&pasted.as_str());
    // DARTS calls a recurrent cell a genotype, too.
    let is_named = text.contains("Genotype") && !text.contains("recurrent");
    has_tuples || is_named || text.contains(FIELDS[1].0)
}

/// The edges of the normal cell of the genotype in `text`, what its output joins, and the same of the
/// reduction cell.
pub(super) fn of_cells<'a, 'b>(
    text: &'b Literal<'a>,
) -> Result<[[&'b Literal<'a>; 2]; 2], SpaceError> {
    let is_genotype = |found: &Literal<'_>| {
        let is_called = found.is_list() && found.word.ends_with("Genotype");
        is_called || FIELDS.iter().any(|(name, _)| found.get(name).is_some())
    };
    let genotype = text.only(is_genotype)?.unwrap_or(text);
    let fields = fields(genotype, FIELDS.map(|(name, _)| name), EACH)?;
    let field = |idx: usize| fields[idx].ok_or_else(|| genotype.unexpected(FIELDS[idx].1));
    Ok([[field(0)?, field(1)?], [field(2)?, field(3)?]])
}

/// The two edges of each node in `edges`.
pub(super) fn pairs<'a, 'b>(
    edges: &'b Literal<'a>,
) -> Result<Vec<[&'b Literal<'a>; 2]>, SpaceError> {
    let mut found = Vec::new();
    for item in edges.items() {
        // Some write the two edges of a node in brackets of their own.
        let is_node = item.items().first().is_some_and(Literal::is_list);
        match item.items() {
            pair @ [_, _] if is_node => found.extend(pair),
            _ if is_node => return Err(item.unexpected("two edges for each node")),
            _ => found.push(item),
        }
    }
    let (pairs, rest) = found.as_chunks::<2>();
    if rest.is_empty() {
        return Ok(pairs.to_vec());
    }
    Err(edges.unexpected("two edges for each node, so an even number of them"))
}

/// The operation of an edge and the node that it reads.
pub(super) fn edge<'a, 'b>(found: &'b Literal<'a>) -> Result<(&'b Literal<'a>, usize), SpaceError> {
    match found.items() {
        [op, input] if !op.is_list() => Ok((op, input.number("the number of the node read")?)),
        [op, _] => Err(op.unexpected(EDGE)),
        _ => Err(found.unexpected(EDGE)),
    }
}
