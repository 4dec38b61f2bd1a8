//! The `dag.json` of carpedm20's ENAS-pytorch: for each node those that read it, each with its
//! activation.
//!
//! ```text
//! {"-1": [[0, "tanh"]], "-2": [[0, "tanh"]],        what x[t] and h[t-1] go to: the input node
//!  "0": [[1, "tanh"]], "1": [[2, "ReLU"], …], …     who reads a node
//!  "11": [[12, "avg"]],                             of which the output is the mean
//!  "12": [[13, "h[t]"]]}                            the output
//! ```
//!
//! Nodes are numbered as here, and the output is the mean of those that no other reads. There the
//! input node's activation is chosen, here it is tanh; and there the next word has the last node for
//! its h[t-1], here the output.

use std::collections::BTreeMap;

use crate::space::literal;
use crate::space::recurrent::{Activation, RecurrentNode, averaging, nodes};
use crate::space::scanner::QUOTES;
use crate::space::{Arch, Recurrent, SpaceError};

/// The keys of what comes from outside.
const OUTSIDE: [&str; 2] = ["-1", "-2"];

const READER: &str = "who reads the node, such as `[1, \"tanh\"]`";

pub(super) fn looks_like(text: &str) -> bool {
    let parts = |c: &char| c.is_whitespace() || *c == '\\' || QUOTES.contains(*c);
    text.chars().filter(|c| !parts(c)).collect::<String>().contains("-1:[")
}

pub(super) fn write(arch: &Arch) -> String {
    let nodes = nodes(arch);
    let (mean, mut entries) = (nodes.len() + 1, Vec::new());
    let entry = |key: &dyn ToString, readers: &[(usize, &str)]| {
        let readers: Vec<String> =
            readers.iter().map(|(id, name)| format!("[{id}, \"{name}\"]")).collect();
        format!("\"{}\": [{}]", key.to_string(), readers.join(", "))
    };
    entries.extend(OUTSIDE.map(|key| entry(&key, &[(0, name(Activation::Tanh))])));
    for node in 0..mean {
        let readers = nodes.iter().zip(1..).filter(|(reader, _)| reader.from == node);
        let mut readers: Vec<(usize, &str)> =
            readers.map(|(reader, id)| (id, name(reader.activation))).collect();
        if readers.is_empty() {
            readers.push((mean, "avg"));
        }
        entries.push(entry(&node, &readers));
    }
    entries.push(entry(&mean, &[(mean + 1, "h[t]")]));
    format!("{{{}}}", entries.join(", "))
}

/// The name of an activation there.
fn name(activation: Activation) -> &'static str {
    match activation {
        Activation::Relu => "ReLU",
        Activation::Tanh | Activation::Sigmoid | Activation::Identity => activation.name(),
    }
}

pub(super) fn read(source: &str) -> Result<Arch, SpaceError> {
    let text = literal::read(source)?;
    let dag = text.only(|found| found.get(OUTSIDE[0]).is_some())?;
    let dag = dag.ok_or_else(|| text.unexpected("`\"-1\"`, what reads the word"))?;
    let (mut found, mut averaged) = (BTreeMap::new(), Vec::new());
    for entry in dag.items() {
        for reader in entry.items() {
            let [id, name] = reader.items() else { return Err(reader.unexpected(READER)) };
            let id = id.number(READER)?;
            if OUTSIDE.contains(&entry.key) {
                check_input(name.word)?;
                continue;
            }
            let from = entry.key.parse();
            let from = from.map_err(|_| entry.unexpected("the number of a node as a key"))?;
            match name.word {
                "avg" => averaged.push(from),
                // The output, `h[t]`.
                "h" => {}
                activation => {
                    let node = RecurrentNode { from, activation: activation.parse()? };
                    if found.insert(id, node).is_some() {
                        return Err(reader.unexpected("a node that reads no other node yet"));
                    }
                }
            }
        }
    }
    if found.keys().zip(1..).any(|(&id, expected)| id != expected) {
        return Err(dag.unexpected("a dictionary of the nodes 1, 2, 3 and so on, none left out"));
    }
    let arch = Recurrent::arch(&found.into_values().collect::<Vec<_>>())?;
    averaged.sort_unstable();
    averaging(arch, averaged)
}

/// Refuses an input node with another activation than here.
fn check_input(name: &str) -> Result<(), SpaceError> {
    match name.parse()? {
        Activation::Tanh => Ok(()),
        other => Err(SpaceError::InputActivation { found: other.name() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The file in that repository, on fewer lines.
    const PUBLISHED: &str = r#"{
  "-1": [[0, "tanh"]], "-2": [[0, "tanh"]],
  "0": [[1, "tanh"]], "1": [[2, "ReLU"], [3, "tanh"]],
  "2": [[4, "tanh"], [5, "tanh"], [6, "ReLU"]],
  "4": [[7, "ReLU"]], "7": [[8, "ReLU"]],
  "8": [[9, "ReLU"], [10, "ReLU"], [11, "ReLU"]],
  "3": [[12, "avg"]], "5": [[12, "avg"]], "6": [[12, "avg"]],
  "9": [[12, "avg"]], "10": [[12, "avg"]], "11": [[12, "avg"]],
  "12": [[13, "h[t]"]]
}"#;

    #[test]
    fn the_published_file_is_read() {
        let arch: Arch = PUBLISHED.parse().unwrap();
        assert_eq!(
            arch.to_string(),
            "cell=[tanh(0), relu(1), tanh(1), tanh(2), tanh(2), relu(2), relu(4), relu(7), \
             relu(8), relu(8), relu(8)]"
        );
        let text = arch.text("dag").unwrap();
        assert!(text.starts_with(r#"{"-1": [[0, "tanh"]], "-2": [[0, "tanh"]], "0": [[1, "#));
        assert!(text.ends_with(r#""11": [[12, "avg"]], "12": [[13, "h[t]"]]}"#), "{text}");
        assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{text}");
    }

    #[test]
    fn what_python_prints_of_it_is_read() {
        let arch: Arch = "cell=[tanh(0), relu(1)]".parse().unwrap();
        for text in [
            "{-1: [Node(id=0, name='tanh')], -2: [Node(id=0, name='tanh')], \
             0: [Node(id=1, name='tanh')], 1: [Node(id=2, name='ReLU')], \
             2: [Node(id=3, name='avg')], 3: [Node(id=4, name='h[t]')]}",
            "defaultdict(<class 'list'>, {-1: [[0, 'tanh']], 0: [[1, 'tanh']], \
             1: [[2, 'ReLU']], 2: [[3, 'avg']]})",
        ] {
            assert_eq!(text.parse::<Arch>().as_ref(), Ok(&arch), "{text}");
        }
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(text.parse::<Arch>().unwrap_err().to_string(), expected);
    }

    #[test]
    fn what_is_no_cell_of_this_space_is_told() {
        check(
            &PUBLISHED.replacen("tanh", "ReLU", 1),
            "the input node applies relu; in the recurrent space it applies tanh always, as in \
             the authors' corrected program, so this cell is none of its",
        );
        check(
            &PUBLISHED.replace("[8, \"ReLU\"]", "[9, \"ReLU\"]"),
            "at character 200: expected a node that reads no other node yet, found `[9, \"ReLU\"],`",
        );
        check(
            &PUBLISHED.replace("[11, \"ReLU\"]", "[12, \"ReLU\"]"),
            "at character 1: expected a dictionary of the nodes 1, 2, 3 and so on, none left out, \
             found `{\n  \"-1\": [[`",
        );
        check(
            &PUBLISHED.replace("\"3\": [[12, \"avg\"]], ", ""),
            "the output is the mean of nodes 5, 6, 9, 10, 11; in the recurrent space it is that of \
             all nodes behind the input node or of those that no other reads, which are 3, 5, 6, \
             9, 10, 11 here, so this cell is none of its",
        );
    }
}
