//! The text forms of architectures, and what reads any of them.

use crate::space::scanner::QUOTES;
use crate::space::{Arch, Space, SpaceError, id};

/// One way to write the architectures of a space.
#[derive(Clone, Copy, Debug)]
pub struct Form {
    /// Its name.
    pub name: &'static str,
    /// What it looks like.
    pub example: &'static str,
    /// Whether a text starts like this form, so that an error should speak of it.
    pub recognize: fn(&str) -> bool,
    /// Reads a text; the architecture's space is of the size that the text spells.
    pub read: fn(&str) -> Result<Arch, SpaceError>,
    /// Writes an architecture of its space.
    pub write: Write,
}

/// Which architectures of its space a form spells, and what writes them.
#[derive(Clone, Copy, Debug)]
pub enum Write {
    /// None: it is read only.
    Never,
    /// All.
    Always(fn(&Arch) -> String),
    /// Those that the program has too whose form it is; of others it says what it lacks.
    Where(fn(&Arch) -> Result<String, SpaceError>),
}

impl Write {
    /// The text of `arch`, or why it has none; nothing where the form is read only.
    pub(super) fn text(self, arch: &Arch) -> Option<Result<String, SpaceError>> {
        match self {
            Self::Never => None,
            Self::Always(write) => Some(Ok(write(arch))),
            Self::Where(write) => Some(write(arch)),
        }
    }
}

impl Form {
    /// The name of the authors' form.
    pub(super) const NUMBERS: &'static str = "numbers";

    /// What an id is called among the forms.
    pub const ID: &'static str = "id";
}

/// The longest text worth reading. The largest architecture has under 600 characters in the native
/// form of micro, under 1,200 as a genotype, 1,700 as a dictionary of NNI and as the numbers of 40
/// layers, and with a Katib operation of its own for each of these, on a line for each parameter,
/// 15,000.
const MAX_CHARS: usize = 20_000;

/// Reads an architecture in a form of `space`, in a form of another space, or as an id, and says in
/// which form it was.
pub(super) fn read(space: Space, source: &str) -> Result<(Arch, &'static str), SpaceError> {
    // An editor's mark before the text is none of it, nor are a shell's quotes around it.
    let source = source.trim_start_matches('\u{feff}');
    let source = source.trim_matches(|c: char| c.is_whitespace() || QUOTES.contains(c));
    let length = source.chars().count();
    if source.is_empty() {
        return Err(SpaceError::NoText);
    } else if MAX_CHARS < length {
        return Err(SpaceError::LongText { found: length, limit: MAX_CHARS });
    } else if let Some(found) = id::read(source) {
        return found.map(|arch| (arch, Form::ID));
    }
    let others = Space::each().into_iter().filter(|other| other.name() != space.name());
    let forms = [space].into_iter().chain(others).flat_map(|space| space.rules().forms());
    let mut refused = None;
    for form in forms.filter(|form| (form.recognize)(source)) {
        match (form.read)(source) {
            Ok(arch) => return Ok((arch, form.name)),
            // What the first form that it looks like says of it is what is told.
            Err(err) => refused = refused.or(Some(err)),
        }
    }
    let unknown = || SpaceError::UnknownForm { text: source.chars().take(40).collect() };
    Err(refused.unwrap_or_else(unknown))
}

/// What every form looks like, for those whose text is none.
pub(super) fn examples() -> String {
    let forms = Space::each().into_iter().flat_map(|space| space.rules().forms());
    let examples: Vec<String> = forms.map(|form| format!("`{}`", form.example)).collect();
    examples.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::{
        BlockCell, BlockError, MicroSpace, NasCnn, NasRnn, Nasbench201, Nasnet, Recurrent, WholeNet,
    };
    use proptest::prelude::*;

    const PUBLISHED: &str = "0 2 0 0 0 4 0 1 0 4 1 1 1 0 0 1 0 2 1 1 \
                             1 0 1 0 0 3 0 2 1 1 3 1 1 0 0 4 0 3 1 1";

    #[test]
    fn the_published_cell_reads_as_the_paper_draws_it() {
        let arch: Arch = PUBLISHED.parse().unwrap();
        assert_eq!(arch.to_flat(), PUBLISHED);
        let [normal, reduction] = MicroSpace::cells(&arch).unwrap();
        assert_eq!(normal.loose_ends(), [2, 3, 4, 5, 6]);
        assert_eq!(reduction.loose_ends(), [2, 4, 5, 6]);
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
        let micro = (2_usize..=7).prop_map(|n| Space::Micro(MicroSpace::new(n).unwrap()));
        let whole = (3_usize..=24).prop_map(|n| Space::WholeNet(WholeNet::new(n).unwrap()));
        let recurrent =
            Recurrent::NODE_RANGE.prop_map(|n| Space::Recurrent(Recurrent::new(n).unwrap()));
        let filters = (3_usize..=22, any::<bool>())
            .prop_map(|(n, strides)| Space::NasCnn(NasCnn::new(n, strides).unwrap()));
        let trees = NasRnn::LEAF_RANGE.prop_map(|n| Space::NasRnn(NasRnn::new(n).unwrap()));
        let nasnet = BlockCell::RANGE.prop_map(|n| Space::Nasnet(Nasnet::new(n).unwrap()));
        let benchmark = Just(Space::Nasbench201(Nasbench201));
        prop_oneof![micro, whole, recurrent, filters, trees, nasnet, benchmark].prop_flat_map(
            |space| {
                let choices: Vec<_> = space.script().options().map(|n| 0..n as u32).collect();
                choices.prop_map(move |choices| space.arch(&choices).unwrap())
            },
        )
    }

    proptest! {
        #[test]
        fn every_architecture_reads_back_from_its_texts(arch in arch(), style: u8) {
            for (name, text) in arch.texts() {
                prop_assert_eq!(&arch.text(name), &text);
                match text {
                    Ok(text) => for text in [pasted(&text, style), text] {
                        for space in Space::each().into_iter().filter(|s| reads(*s, &arch, name)) {
                            let read = Arch::parse(space, &text);
                            prop_assert_eq!(read.as_ref(), Ok(&arch), "{}", text);
                        }
                    },
                    Err(err) => prop_assert!(is_lacked(&arch, name, &err), "{}: {}", name, err),
                }
            }
            prop_assert_eq!(&arch.space().arch(arch.choices()).unwrap(), &arch);
            let id = arch.id();
            prop_assert!(id.len() <= 96, "{}", id);
            match id.parse::<Arch>() {
                Ok(again) => prop_assert_eq!(again.id(), id),
                Err(err) => prop_assert_eq!(err, SpaceError::HashedId { id }),
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,60}", prefix in START) {
            let _: Result<Arch, SpaceError> = format!("{prefix}{text}").parse();
        }

        #[test]
        fn a_torn_text_is_read_or_refused_in_words(
            arch in arch(), from in 0_usize..2000, to in 0_usize..2000, mark in "[\\PC\n]"
        ) {
            for text in arch.texts().into_iter().filter_map(|(_, text)| text.ok()) {
                let (from, to) = (from % text.len(), to % text.len());
                let mended = format!("{}{mark}{}", &text[..from], &text[to..]);
                for torn in [&text[..to], &text[from..], &mended] {
                    if let Err(err) = torn.parse::<Arch>() {
                        prop_assert!(!err.to_string().is_empty());
                    }
                }
            }
        }
    }

    /// Whether what spells `arch` in this form may not spell another architecture, where the forms of
    /// `space` are tried first: rows of numbers say nothing of their space, nor does a genotype of two
    /// cells.
    fn reads(space: Space, arch: &Arch, form: &str) -> bool {
        let own = arch.space().name();
        if form == "genotype" && own != "recurrent" && own != space.name() {
            return own == "micro" && space.name() != "nasnet";
        }
        let is_recurrent = |space: Space| space.name() == "recurrent";
        !["numbers", "original"].contains(&form)
            || is_recurrent(space) == is_recurrent(arch.space())
    }

    /// How texts of each form begin.
    const START: &str = "(normal=\\[|layers=\\[|cell=\\[|tree=\\[|layers=\\[3x5x|nasnet normal=\\[\
        |\\|none~0\\|\\+|m5-|w4-|r8-|t8-|c4-|s4-|n5-|b4-|0 |\\[\\[0\\], \
        |Genotype\\(|normal=\\[\\('|Genotype\\(normal=\\[\\('|normal_concat=range\\(\
        |\\{'normal/op_2_0': |\\{\"reduce/input_2_0\": \\[\
        |'embedding': \\{'0': \\{|Genotype\\(recurrent=\\[\\('|\\{\"-1\": \\[\\[)?";

    /// `text` as it may come from a script, a file, a shell or a message.
    fn pasted(text: &str, style: u8) -> String {
        let natives = ["normal=[", "layers=[", "cell=[", "tree=[", "nasnet ", "|"];
        let is_native = natives.iter().any(|start| text.starts_with(start));
        let mut text = text.to_owned();
        if style & 1 == 1 {
            text = text.replace(", ", ",\r\n    ");
        }
        if !is_native && style & 2 == 2 {
            text = text.replace('\'', "\"").replace(")]", "),]").replace("]}", "],}");
        }
        if !is_native && style & 4 == 4 {
            text = format!("best_arch = {text}");
        }
        if style & 8 == 8 {
            text = format!("'{text}'\n");
        }
        text
    }

    /// Whether the program of a form has no such architecture.
    fn is_lacked(arch: &Arch, form: &str, err: &SpaceError) -> bool {
        if let SpaceError::Blocks(BlockError::NoGenotype { .. }) = err {
            return arch.space().name() == "nasnet";
        }
        let cells = MicroSpace::cells(arch).unwrap();
        let unread = cells.each_ref().map(|cell| cell.loose_ends()[0] < 2);
        match err {
            SpaceError::UnreadInput { .. } => unread[1] || (form == "nni" && unread[0]),
            SpaceError::JoinsAll { .. } => {
                form == "nni"
                    && cells[0].nodes().len() == 4
                    && cells.iter().any(|cell| cell.loose_ends().len() < 4)
            }
            _ => false,
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
    fn what_is_read_is_told_with_the_form_that_it_was_in() {
        for arch in [
            PUBLISHED,
            WholeNet::PUBLISHED,
            Recurrent::PUBLISHED,
            NasRnn::EXAMPLE,
            Nasbench201::PUBLISHED,
        ]
        .map(|text| text.parse::<Arch>().unwrap())
        {
            let texts =
                arch.texts().into_iter().filter_map(|(name, text)| Some((name, text.ok()?)));
            for (name, text) in texts {
                // The authors' lines are their numbers with breaks between, and read as those.
                let name = if name == "rows" { "numbers" } else { name };
                assert_eq!(Arch::parse_named(arch.space(), &text), Ok((arch.clone(), name)));
            }
        }
        let arch: Arch = PUBLISHED.parse().unwrap();
        let (read, form) = Arch::parse_named(arch.space(), &arch.id()).unwrap();
        assert_eq!((read.id(), form), (arch.id(), "id"));
    }

    #[test]
    fn a_form_is_asked_for_by_its_name() {
        let arch: Arch = PUBLISHED.parse().unwrap();
        assert_eq!(arch.text("numbers").as_deref(), Ok(PUBLISHED));
        let names: Vec<_> = arch.texts().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["native", "numbers", "genotype", "nni"]);
        let net: Arch = WholeNet::PUBLISHED.parse().unwrap();
        for (arch, form, expected) in [
            (
                &arch,
                "keras",
                "`keras` is no form that the micro space writes; it writes native, \
                 numbers, genotype, nni",
            ),
            (
                &net,
                "katib",
                "`katib` is no form that the whole_net space writes; it writes native, \
                 numbers, rows",
            ),
        ] {
            assert_eq!(arch.text(form).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn what_is_no_architecture_is_told() {
        check(" \n", "an empty text is no architecture");
        check(
            &"0 ".repeat(10_100),
            "a text of 20199 characters is no architecture; the longest has 20000",
        );
        let known = "no known form of an architecture; give \
                     `normal=[op(input)+op(input), …] reduction=[…]`, `0 2 0 0 … 1 1`, \
                     `Genotype(normal=[…], …)`, `{\"normal/op_2_0\": …}`, \
                     `layers=[op, op(stem), op(stem+0), …]`, \
                     `[[0], [3, 0], …] {'embedding': …}`, `0 3 0 0 1 0 …`, \
                     `0⏎3 0⏎0 1 0⏎…`, `cell=[tanh(0), relu(1), …]`, `0 2 1 0 2 1 …`, \
                     `0 0 0 1 1 2 1 …`, `Genotype(recurrent=[…], concat=[…])`, \
                     `{\"-1\": [[0, \"tanh\"]], …}`, \
                     `layers=[3x5x36, 3x3x48(0), …]`, \
                     `tree=[tanh(x+h), relu(x*h), sigmoid(0*1)] inject=relu(0+c) c=1`, \
                     `nasnet normal=[op(state)+op(state), op(state)|op(state), …] reduction=[…]`, \
                     `Genotype(normal=[('sep_conv_7x7', 0), …], …)`, \
                     `|op~0|+|op~0|op~1|+|op~0|op~1|op~2|`, or an id (`m5-…`)";
        let text = "{\"ks\":[3,5,7]}";
        check(text, &format!("`{text}` is {known}"));
    }
}
