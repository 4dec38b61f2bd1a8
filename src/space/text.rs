//! The text forms of an architecture, each in a file of its own.
//!
//! ```text
//! native    normal=[sep_conv_3x3(0)+identity(1), …] reduction=[…]    one `op(input)` per edge
//! flat      0 0 1 4 …                                                `input op input op` per node
//! genotype  Genotype(normal=[('sep_conv_3x3', 0), …], …)             DARTS', read only
//! id        m5-0e4j07as3sy5zkyev                                     read by `canonical`
//! ```

use crate::space::{Arch, SpaceError, canonical, flat, genotype, native};

/// The longest text worth reading: the largest architecture has under 600 characters in the native
/// form, and under 1,200 as a genotype.
const MAX_CHARS: usize = 4000;

pub(super) fn read(source: &str) -> Result<Arch, SpaceError> {
    // An editor's mark before the text is none of it.
    let source = source.trim_start_matches('\u{feff}').trim();
    let length = source.chars().count();
    if source.is_empty() {
        Err(SpaceError::NoText)
    } else if MAX_CHARS < length {
        Err(SpaceError::LongText { found: length, limit: MAX_CHARS })
    } else if canonical::looks_like_id(source) {
        canonical::read(&source.to_ascii_lowercase())
    } else if genotype::looks_like(source) {
        genotype::read(source)
    } else if source.starts_with("normal") {
        native::read(source)
    } else if flat::looks_like(source) {
        flat::read(source)
    } else {
        Err(SpaceError::UnknownForm { text: source.chars().take(40).collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::{CellKind, MicroSpace, Space};
    use proptest::prelude::*;

    const PUBLISHED: &str = "0 2 0 0 0 4 0 1 0 4 1 1 1 0 0 1 0 2 1 1 \
                             1 0 1 0 0 3 0 2 1 1 3 1 1 0 0 4 0 3 1 1";

    #[test]
    fn the_published_cell_reads_as_the_paper_draws_it() {
        let arch: Arch = PUBLISHED.parse().unwrap();
        assert_eq!(arch.to_flat(), PUBLISHED);
        assert_eq!(arch.cell(CellKind::Normal).loose_ends(), [2, 3, 4, 5, 6]);
        assert_eq!(arch.cell(CellKind::Reduction).loose_ends(), [2, 4, 5, 6]);
        assert_eq!(
            arch.to_string(),
            "normal=[avg_pool_3x3(0)+sep_conv_3x3(0), identity(0)+sep_conv_5x5(0), \
             identity(0)+sep_conv_5x5(1), sep_conv_3x3(1)+sep_conv_5x5(0), \
             avg_pool_3x3(0)+sep_conv_5x5(1)] reduction=[sep_conv_3x3(1)+sep_conv_3x3(1), \
             max_pool_3x3(0)+avg_pool_3x3(0), sep_conv_5x5(1)+sep_conv_5x5(3), \
             sep_conv_3x3(1)+identity(0), max_pool_3x3(0)+sep_conv_5x5(1)]"
        );
    }

    fn arch() -> impl Strategy<Value = Arch> {
        (2_usize..=7).prop_flat_map(|n_nodes| {
            let space = Space::Micro(MicroSpace::new(n_nodes).unwrap());
            let choices: Vec<_> = space.script().decisions().map(|n| 0..n as u32).collect();
            choices.prop_map(move |choices| space.arch(&choices).unwrap())
        })
    }

    proptest! {
        #[test]
        fn every_architecture_reads_back_from_its_texts(arch in arch()) {
            prop_assert_eq!(&arch.to_string().parse::<Arch>().unwrap(), &arch);
            prop_assert_eq!(&arch.to_flat().parse::<Arch>().unwrap(), &arch);
            prop_assert_eq!(&arch.space().arch(arch.choices()).unwrap(), &arch);
            prop_assert_eq!(arch.id().parse::<Arch>().unwrap().id(), arch.id());
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,60}", prefix in "(normal=\\[|m5-|0 )?") {
            let _: Result<Arch, SpaceError> = format!("{prefix}{text}").parse();
        }
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(text.parse::<Arch>().unwrap_err().to_string(), expected);
    }

    #[test]
    fn native_texts_say_where_they_break() {
        check(
            "normal=[identity(0)*identity(1)]",
            "at character 20: expected `+` and the node's second edge, found `*identity(1)`",
        );
        check(
            "normal=[swish(0)+identity(1)]",
            "unknown operation `swish`; the operations are sep_conv_3x3, sep_conv_5x5, \
             avg_pool_3x3, max_pool_3x3, identity",
        );
        check(
            "normal=[identity(0)+identity(1), identity(0)+identity(1)] reduction=",
            "at character 69: expected `reduction=[`, found the end",
        );
    }

    #[test]
    fn the_words_of_darts_are_read_in_the_native_form() {
        let native = "normal=[identity(0)+identity(1), identity(0)+identity(1)] \
                      reduction=[identity(0)+identity(1), identity(0)+identity(1)]";
        let darts = native.replace("identity", "skip_connect").replace(" reduction", ", reduce");
        assert_eq!(darts.parse::<Arch>(), native.parse());
    }

    #[test]
    fn an_id_is_read_in_capitals_too() {
        let arch: Arch = PUBLISHED.parse().unwrap();
        assert_eq!(arch.id().to_uppercase().parse::<Arch>().unwrap().id(), arch.id());
    }

    #[test]
    fn what_is_no_architecture_is_told() {
        check(" \n", "an empty text is no architecture");
        check(
            &"0 ".repeat(2100),
            "a text of 4199 characters is no architecture; the longest has 4000",
        );
        let known = "no known form of an architecture; give `normal=[op(input)+op(input), …] \
                     reduction=[…]`, the authors' numbers (`0 2 0 0 … 1 1`), DARTS' \
                     `Genotype(…)`, or an id (`m5-…`)";
        for text in ["|nor_conv_3x3~0|", "{\"ks\":[3,5,7]}"] {
            check(text, &format!("`{text}` is {known}"));
        }
    }
}
