//! The versions of this program and of the daemon.

use crate::doctor::Finding;
use crate::doctor::patient::Patient;

const VERSION: &str = "version";

pub(super) fn check(patient: &Patient) -> Vec<Finding> {
    let own = env!("CARGO_PKG_VERSION");
    let Ok(status) = &patient.status else {
        return vec![Finding::ok(VERSION, format!("enasctl {own}"))];
    };
    let daemon = &status.version;
    if daemon != own {
        return vec![Finding::warn(
            VERSION,
            format!("the daemon is enasd {daemon}, and this is enasctl {own}"),
            "restart the daemon, so that it runs what is installed; or use the enasctl that came \
             with it",
        )];
    }
    vec![Finding::ok(VERSION, format!("enasd and enasctl are {own}"))]
}
