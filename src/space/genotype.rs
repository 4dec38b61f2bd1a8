//! What DARTS' two kinds of genotype have in common: fields by their names or by their order, and a
//! field that names the nodes of which the output is made.

use crate::space::SpaceError;
use crate::space::literal::Literal;

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
