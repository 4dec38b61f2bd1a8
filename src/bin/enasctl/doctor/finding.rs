//! What one check found: a verdict, what it saw, and the cure.

use serde::Serialize;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    /// As it should be.
    Ok,
    /// Not checked, and why; nothing is wrong as far as can be seen.
    Skip,
    /// It works, but something will go wrong or is not as it was meant.
    Warn,
    /// It does not work, or will not after the next restart.
    Fail,
}

impl Verdict {
    /// As it is printed.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Skip => "skip",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// What one check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// The check, one word.
    pub(crate) check: &'static str,
    /// How bad it is.
    pub(crate) verdict: Verdict,
    /// What was seen.
    pub(crate) what: String,
    /// What mends it, or permits the check.
    pub(crate) cure: Option<String>,
}

impl Finding {
    /// All is well.
    pub(crate) fn ok(check: &'static str, what: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Ok, what: what.into(), cure: None }
    }

    /// The check does not apply here.
    pub(crate) fn skip(check: &'static str, what: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Skip, what: what.into(), cure: None }
    }

    /// Something that still works.
    pub(crate) fn warn(
        check: &'static str,
        what: impl Into<String>,
        cure: impl Into<String>,
    ) -> Self {
        Self { check, verdict: Verdict::Warn, what: what.into(), cure: Some(cure.into()) }
    }

    /// Something that does not work.
    pub(crate) fn fail(
        check: &'static str,
        what: impl Into<String>,
        cure: impl Into<String>,
    ) -> Self {
        Self { check, verdict: Verdict::Fail, what: what.into(), cure: Some(cure.into()) }
    }

    /// An error of this program as a failure. Its texts end with what mends it, after the last
    /// semicolon; `cure` stands where one does not.
    pub(crate) fn error(check: &'static str, error: &impl ToString, cure: &str) -> Self {
        let text = error.to_string();
        match text.rsplit_once("; ") {
            Some((what, cure)) => Self::fail(check, what, cure),
            None => Self::fail(check, text, cure),
        }
    }

    /// What this user may not look at.
    pub(crate) fn forbidden(check: &'static str, what: &str, uid: u32) -> Self {
        let cure = "run it as root, or as the daemon's user";
        Self {
            cure: Some(cure.to_owned()),
            ..Self::skip(check, format!("uid {uid} may not {what}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_parted_from_its_cure() {
        let found = Finding::error("disk", &"cannot write x: no room; a; free some space", "none");
        assert_eq!(found.what, "cannot write x: no room; a");
        assert_eq!(found.cure.as_deref(), Some("free some space"));
        let found = Finding::error("disk", &"cannot write x", "look at it");
        assert_eq!(found.cure.as_deref(), Some("look at it"));
    }

    #[test]
    fn verdicts_are_ordered_by_how_bad_they_are() {
        assert!(Verdict::Ok < Verdict::Skip && Verdict::Warn < Verdict::Fail);
    }
}
