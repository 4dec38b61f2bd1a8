//! Folders of which every entry is looked at: the champions, and the nets in training.

use std::io;

use enasd::store::StoreError;

use crate::doctor::Finding;
use crate::doctor::patient::is_forbidden;
use crate::printer::thousands;

/// A folder of what a search keeps.
pub(super) struct Kept {
    /// The check, which is also what the entries are called.
    pub(super) check: &'static str,
    /// What each of them is where all is well, as in `each whole`.
    pub(super) each: &'static str,
    /// Who looks.
    pub(super) uid: u32,
}

impl Kept {
    /// Looks at each of `names`. `read` says whether it is there; it is whole then. `damaged` says
    /// what is wrong with one that is not what was written; nothing where something else is wrong.
    pub(super) fn look(
        &self,
        names: Result<Vec<String>, StoreError>,
        read: impl Fn(&str) -> Result<bool, StoreError>,
        damaged: impl Fn(&str, &StoreError) -> Option<Finding>,
    ) -> Vec<Finding> {
        let &Self { check, each, uid } = self;
        let forbidden =
            |doing| vec![Finding::forbidden(check, &format!("{doing} the {check}"), uid)];
        let names = match names {
            Ok(names) => names,
            Err(StoreError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                Vec::new()
            }
            Err(error) if is_forbidden(&error) => return forbidden("look at"),
            Err(error) => {
                return vec![Finding::error(check, &error, "see what stands in its place")];
            }
        };
        let (mut whole, mut findings) = (0, Vec::new());
        for name in &names {
            match read(name) {
                Ok(true) => whole += 1,
                // A daemon removed it.
                Ok(false) => {}
                Err(error) if is_forbidden(&error) => return forbidden("read"),
                Err(error) => findings.push(
                    damaged(name, &error)
                        .unwrap_or_else(|| Finding::error(check, &error, "see `dmesg`")),
                ),
            }
        }
        if findings.is_empty() {
            let what = match whole {
                0 => "none is kept".to_owned(),
                n => format!("kept are {}, each {each}", thousands(n)),
            };
            findings.push(Finding::ok(check, what));
        }
        findings
    }
}
