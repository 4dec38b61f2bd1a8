//! The label values that are known at the start only, and the bounds on them.

use super::TelemetryError;
use super::catalog::{DEVICES_USED, DEVICES_WANTED, Label, MAX_OPTIONS, MAX_ROUTES, Values};

/// The route of a request to none of the named routes.
pub(super) const OTHER_ROUTE: &str = "other";

/// The label values that are known at the start only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MetricsSetup {
    /// Version of the program.
    pub version: String,
    /// The device asked for: `cpu`, `cuda` or `auto`, with or without `:N`.
    pub device_wanted: String,
    /// The device that computes: `cpu` or `cuda`, with or without `:N`.
    pub device_used: String,
    /// The menus that the policy chooses from, each once for every part of an architecture; at
    /// most [`MAX_OPTIONS`] options in all.
    pub menus: Vec<MenuLabels>,
    /// Names of the api's routes; at most [`MAX_ROUTES`]. All else is counted as `other`.
    pub routes: Vec<String>,
    /// The routes that have something done; all others only ask.
    pub commands: Vec<String>,
}

/// A menu of a part of an architecture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MenuLabels {
    /// The part, such as `normal`.
    pub part: String,
    /// The menu, such as `op`.
    pub menu: String,
    /// Its options, in the order in which their probabilities are given.
    pub options: Vec<String>,
}

impl MetricsSetup {
    /// Refuses names that make too many series, or two of one.
    pub(super) fn checked(&self) -> Result<(), TelemetryError> {
        device("wanted", &self.device_wanted, DEVICES_WANTED)?;
        device("used", &self.device_used, DEVICES_USED)?;
        let options: Vec<String> = self.options().map(|names| names.join(" ")).collect();
        listed("option", &options, MAX_OPTIONS)?;
        listed("route", &self.routes, MAX_ROUTES)
    }

    /// The part, the menu and the name of every option.
    fn options(&self) -> impl Iterator<Item = [&str; 3]> {
        self.menus.iter().flat_map(|MenuLabels { part, menu, options }| {
            options.iter().map(|option| [part.as_str(), menu, option])
        })
    }

    /// What stands in a series for each value of a label: names with values.
    pub(super) fn values(&self, Label(name, values): Label) -> Vec<Vec<(&'static str, String)>> {
        let values = match values {
            Values::Closed(names) => names.iter().map(|&name| name.to_owned()).collect(),
            Values::Version => vec![self.version.clone()],
            Values::DeviceWanted => vec![device_kind(&self.device_wanted).to_owned()],
            Values::DeviceUsed => vec![device_kind(&self.device_used).to_owned()],
            Values::Options => {
                let names = ["part", "menu", name];
                let pairs =
                    |values: [&str; 3]| names.into_iter().zip(values.map(str::to_owned)).collect();
                return self.options().map(pairs).collect();
            }
            Values::Routes => {
                let other = std::iter::once(OTHER_ROUTE.to_owned());
                self.routes.iter().cloned().chain(other).collect()
            }
        };
        values.into_iter().map(|value| vec![(name, value)]).collect()
    }
}

/// `cuda:1` is of the kind `cuda`: which card it is says nothing about how fast a run should be.
fn device_kind(device: &str) -> &str {
    device.split(':').next().unwrap_or(device)
}

fn device(
    label: &'static str,
    value: &str,
    allowed: &'static [&'static str],
) -> Result<(), TelemetryError> {
    if allowed.contains(&device_kind(value)) {
        return Ok(());
    }
    Err(TelemetryError::UnknownDevice { label, value: value.to_owned(), allowed })
}

fn listed(label: &'static str, values: &[String], limit: usize) -> Result<(), TelemetryError> {
    let count = values.len();
    if limit < count {
        return Err(TelemetryError::TooManyValues { label, count, limit });
    }
    for (idx, value) in values.iter().enumerate() {
        let is_empty = value.split(' ').any(str::is_empty);
        if is_empty || value == OTHER_ROUTE || values[..idx].contains(value) {
            return Err(TelemetryError::BadValue { label, value: value.clone() });
        }
    }
    Ok(())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    fn many(stem: &str, count: usize) -> Vec<String> {
        (0..count).map(|idx| format!("{stem}{idx}")).collect()
    }

    /// As many series as can be.
    pub(in crate::telemetry) fn largest() -> MetricsSetup {
        MetricsSetup {
            version: "1.2.3".to_owned(),
            device_wanted: "auto".to_owned(),
            device_used: "cuda:1".to_owned(),
            menus: vec![MenuLabels {
                part: "normal".to_owned(),
                menu: "op".to_owned(),
                options: many("op", MAX_OPTIONS),
            }],
            routes: many("/v1/route", MAX_ROUTES),
            commands: many("/v1/route", 1),
        }
    }

    fn one_option() -> MenuLabels {
        let [part, menu, option] = ["normal", "op", "identity"].map(str::to_owned);
        MenuLabels { part, menu, options: vec![option] }
    }

    fn refusal(change: impl FnOnce(&mut MetricsSetup)) -> String {
        let mut setup = largest();
        change(&mut setup);
        setup.checked().err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn bad_setups_are_refused_with_the_reason() {
        let check = |change: fn(&mut MetricsSetup), expected: &str| {
            let text = refusal(change);
            assert!(text.contains(expected), "{text:?} does not say {expected:?}");
        };
        check(|setup| setup.device_wanted = "tpu".to_owned(), "`wanted` cannot be `tpu`");
        check(|setup| setup.device_used = "auto".to_owned(), "name one of cpu, cuda");
        check(
            |setup| setup.menus.push(MenuLabels { part: "reduction".to_owned(), ..one_option() }),
            "`option` has 33 values, at most 32",
        );
        check(
            |setup| setup.menus = vec![one_option(), one_option()],
            "`normal op identity`, which",
        );
        check(|setup| setup.routes[1] = setup.routes[0].clone(), "`/v1/route0`, which");
        check(|setup| setup.routes[1] = OTHER_ROUTE.to_owned(), "`other`");
        check(|setup| setup.menus[0].options[0].clear(), "`normal op `, which is empty");
        check(|setup| setup.routes[0].clear(), "``, which is empty");
    }
}
