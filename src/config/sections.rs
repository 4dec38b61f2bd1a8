//! The sections that belong to no computing layer: the state folder, the local socket, metrics and
//! logs.

use std::path::PathBuf;

use crate::setting::{PATH, Rule, from, live, one_of, operation, settings, size, whole};
use crate::telemetry::LogFormat;

/// The longest path of a Unix socket, without its final zero.
pub(super) const MAX_SOCKET_BYTES: usize = 107;

settings! {
    /// Where state is kept, and how often it is saved.
    #[derive(Clone, Debug, PartialEq)]
    pub struct StoreConfig in store {
        /// The state folder; unset for systemd's `$STATE_DIRECTORY` or `enasd` in the user's XDG
        /// state folder.
        pub state: Option<PathBuf> = None => operation(PATH);
        /// Seconds between two checkpoints.
        pub checkpoint_seconds: f64 = 60.0 => live(from(0.05, 86_400.0));
        /// Checkpoints that are kept: one may turn out to be damaged.
        pub keep_checkpoints: usize = 3 => live(size(2..=100));
        /// Bytes that single rows of the history may take; older ones are folded into a row for
        /// each hour, phase and arm.
        pub history_bytes: u64 = 2_000_000_000
            => live(whole(64_000_000..=1_000_000_000_000_000));
    }
}

settings! {
    /// The local socket.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct ApiConfig in api {
        /// The Unix socket; unset for `api.sock` in a state folder that is set, else `enasd.sock`
        /// in the user's runtime folder.
        pub socket: Option<PathBuf> = None
            => operation(Rule::Path { max_bytes: MAX_SOCKET_BYTES });
        /// Numeric ids of the users that may give commands, beside root and the daemon's own.
        pub admins: Vec<u32> = Vec::new() => live(Rule::Uids { max: 64 });
    }
}

settings! {
    /// Metrics and logs.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct TelemetryConfig in telemetry {
        /// The address of `/metrics`, or `off`. Whoever reaches it may read every metric: an
        /// address that is not loopback needs a firewall or a proxy.
        pub metrics: String = "127.0.0.1:9899".to_owned() => operation(Rule::Address);
        /// Names of this machine under which `/metrics` answers, beside its addresses and
        /// `localhost`.
        pub metrics_hosts: Vec<String> = Vec::new() => operation(Rule::Hosts { max: 64 });
        /// What is logged: a level, and levels for single modules.
        pub log: String = "info".to_owned() => live(Rule::LogFilter);
        /// How it is written.
        pub log_format: LogFormat = LogFormat::Auto
            => operation(one_of(&["auto", "text", "json", "journal"]));
    }
}
