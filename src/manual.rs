//! The manual page and the shell completions of a program, from the definitions of its arguments.
//!
//! Both programs write their own, at the time they are packaged: what they say is what the same
//! program accepts.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use clap::Command;
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

/// The shells that completions are written for.
const SHELLS: [Shell; 3] = [Shell::Bash, Shell::Zsh, Shell::Fish];

/// What a manual page says beyond the arguments.
#[derive(Clone, Copy, Debug)]
pub struct Manual {
    /// The section of the manual: `1` for commands, `8` for daemons.
    pub section: &'static str,
    /// Further sections: a heading and paragraphs, which are separated by empty lines. A paragraph
    /// of two lines or more is a term and what it means.
    pub sections: &'static [(&'static str, &'static str)],
}

impl Manual {
    /// Writes the manual page and the completions of `program` into `folder`, which is made where
    /// it is not there: `NAME.SECTION`, `NAME.bash`, `_NAME`, `NAME.fish`.
    pub fn write(&self, program: &Command, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder)?;
        let mut program = program.clone().disable_help_subcommand(true);
        let name = program.get_name().to_owned();
        for shell in SHELLS {
            clap_complete::generate_to(shell, &mut program, &name, folder)?;
        }
        fs::write(folder.join(format!("{name}.{}", self.section)), self.page(program)?)
    }

    /// The page, in troff.
    fn page(&self, program: Command) -> io::Result<Vec<u8>> {
        let mut program = program.subcommand_value_name("command");
        program.build();
        let mut page = Vec::new();
        // Without a date: the same sources give the same page. Left empty, it would go missing, and
        // what follows would take its place.
        let man = Man::new(program.clone())
            .title(program.get_name().to_uppercase())
            .section(self.section)
            .date(" ")
            .manual("enasd");
        man.render_title(&mut page)?;
        man.render_name_section(&mut page)?;
        man.render_synopsis_section(&mut page)?;
        man.render_description_section(&mut page)?;
        man.render_options_section(&mut page)?;
        Roff::default().control("SH", ["COMMANDS"]).to_writer(&mut page)?;
        write_verbs(&program, &mut page)?;
        for (heading, text) in self.sections {
            section(heading, text).to_writer(&mut page)?;
        }
        Ok(page)
    }
}

/// Writes a subsection for every verb of `command` that is not hidden, and for the verbs of these.
/// Options that every verb has are described once, at the top.
fn write_verbs(command: &Command, page: &mut Vec<u8>) -> io::Result<()> {
    for verb in command.get_subcommands().filter(|verb| !verb.is_hide_set()) {
        let name = verb.get_bin_name().unwrap_or(verb.get_name());
        Roff::default().control("SS", [name]).to_writer(page)?;
        let man = Man::new(verb.clone().mut_args(|arg| {
            let everywhere = arg.is_global_set() || arg.get_id() == "help";
            if everywhere { arg.hide(true) } else { arg }
        }));
        write_body(page, |into| man.render_description_section(into))?;
        write_body(page, |into| man.render_options_section(into))?;
        write_verbs(verb, page)?;
    }
    Ok(())
}

/// Writes a section without its heading.
fn write_body(
    page: &mut Vec<u8>,
    render: impl Fn(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let mut text = Vec::new();
    render(&mut text)?;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        if !line.starts_with(b".SH ") {
            page.write_all(line)?;
        }
    }
    Ok(())
}

fn section(heading: &str, text: &str) -> Roff {
    let mut roff = Roff::default();
    roff.control("SH", [heading]);
    for paragraph in text.split("\n\n") {
        let lines: Vec<_> = paragraph.lines().collect();
        roff.control(if lines.len() < 2 { "PP" } else { "TP" }, []);
        for line in lines {
            roff.text([roman(line)]);
        }
    }
    roff
}

#[cfg(test)]
mod tests {
    use clap::{Arg, Command};

    use super::*;

    fn program() -> Command {
        Command::new("seek")
            .version("1.2")
            .about("Seeks things")
            .arg(Arg::new("far").long("far").global(true).help("Looks far away"))
            .subcommand(
                Command::new("star")
                    .about("Seeks a star")
                    .subcommand(Command::new("red").about("A red one").arg(Arg::new("size"))),
            )
            .subcommand(Command::new("secret").hide(true))
    }

    const MANUAL: Manual = Manual {
        section: "8",
        sections: &[("FILES", "/etc/seek\nWhere to look.\n\n/var/seek\nWhat was found.")],
    };

    #[test]
    fn a_page_has_every_verb_that_is_not_hidden_and_every_further_section() {
        let page = String::from_utf8(MANUAL.page(program()).unwrap()).unwrap();
        for expected in [
            ".TH SEEK 8 ",
            "Seeks things",
            "Looks far away",
            ".SS \"seek star\"",
            ".SS \"seek star red\"",
            "A red one",
            "size",
            ".SH FILES\n.TP\n/etc/seek\nWhere to look.\n.TP\n/var/seek",
        ] {
            assert!(page.contains(expected), "no {expected} in:\n{page}");
        }
        assert!(!page.contains("secret"), "{page}");
        for once in [".SH DESCRIPTION", "Looks far away"] {
            assert_eq!(page.matches(once).count(), 1, "{once}:\n{page}");
        }
    }

    #[test]
    fn completions_know_the_verbs() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("made");
        MANUAL.write(&program(), &inner).unwrap();
        for name in ["seek.bash", "_seek", "seek.fish"] {
            let text = fs::read_to_string(inner.join(name)).unwrap();
            assert!(text.contains("star") && text.contains("far"), "{name}:\n{text}");
        }
        assert!(inner.join("seek.8").is_file());
    }
}
