//! Moments as people read and write them: in the time of where they are.

use std::str::FromStr;

use enasd::telemetry::unix_time;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ZonedDateTime};

/// Seconds since 1970.
pub(crate) fn now() -> f64 {
    unix_time().as_secs_f64()
}

/// Milliseconds since 1970 in the time of here: `2026-03-31 14:00:00 +02:00`.
pub(crate) fn local(unix_ms: i64) -> String {
    in_zone(unix_ms, &TimeZone::system())
}

/// The same in the time of `zone`.
pub(crate) fn in_zone(unix_ms: i64, zone: &TimeZone) -> String {
    shown(unix_ms, zone, "%Y-%m-%d %H:%M:%S %:z")
}

/// Milliseconds since 1970 as a part of a name: `20260331T120000Z`.
pub(crate) fn stamp(unix_ms: i64) -> String {
    shown(unix_ms, &TimeZone::UTC, "%Y%m%dT%H%M%SZ")
}

fn shown(unix_ms: i64, zone: &TimeZone, format: &str) -> String {
    match Timestamp::from_millisecond(unix_ms) {
        Ok(moment) => moment.to_zoned_datetime(zone.clone()).strftime(format).to_string(),
        // Past the year 9999.
        Err(_) => format!("{unix_ms} ms"),
    }
}

/// From where on events are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Since {
    /// After the event with this number.
    Event(u64),
    /// From this moment on, in milliseconds since 1970.
    Moment(i64),
}

impl FromStr for Since {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::read(text, &ZonedDateTime::now())
    }
}

impl Since {
    /// What `text` says at `now`, in the time of its place.
    fn read(text: &str, now: &ZonedDateTime) -> Result<Self, String> {
        if let Ok(number) = text.parse() {
            return Ok(Self::Event(number));
        }
        let moment = if let Ok(ago) = text.parse::<Span>() {
            let moment = now.checked_sub(ago.abs());
            moment.map_err(|_| format!("{text} ago is before all history"))?.timestamp()
        } else if let Ok(moment) = text.parse::<Timestamp>() {
            moment
        } else if let Ok(local) = text.parse::<DateTime>() {
            let moment = local.to_zoned_datetime(now.time_zone().clone());
            moment.map_err(|why| format!("there is no such time: {why}"))?.timestamp()
        } else {
            return Err("it must be the number of an event, a time that has gone by such as 8h, \
                        30m or 2d, or a date such as 2026-03-31 or \"2026-03-31 22:00\""
                .to_owned());
        };
        Ok(Self::Moment(moment.as_millisecond()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two hours east of Greenwich.
    fn zone() -> TimeZone {
        TimeZone::fixed(jiff::tz::offset(2))
    }

    /// Numbers from `date -u -d @N`.
    #[test]
    fn moments_are_told_in_the_time_of_a_place() {
        for (unix_ms, text) in [
            (0, "1970-01-01 02:00:00 +02:00"),
            (951_782_399_999, "2000-02-29 01:59:59 +02:00"),
            (-1, "1970-01-01 01:59:59 +02:00"),
            (i64::MAX, "9223372036854775807 ms"),
        ] {
            assert_eq!(in_zone(unix_ms, &zone()), text);
        }
        assert_eq!(stamp(1_798_761_599_000), "20261231T235959Z");
    }

    #[test]
    fn since_is_a_number_a_time_gone_by_or_a_moment() {
        let now = Timestamp::from_second(1_000_000).unwrap().to_zoned_datetime(zone());
        let read = |text: &str| Since::read(text, &now);
        assert_eq!(read("17"), Ok(Since::Event(17)));
        for (text, seconds) in [
            ("8h", 1_000_000 - 8 * 3600),
            ("30m", 1_000_000 - 1800),
            ("2d", 1_000_000 - 2 * 86_400),
            ("1h30m", 1_000_000 - 5400),
            ("1970-01-02", 86_400 - 7200),
            ("1970-01-02 03:00", 86_400 + 3600),
            ("1970-01-02T03:00:00Z", 86_400 + 10_800),
        ] {
            assert_eq!(read(text), Ok(Since::Moment(seconds * 1000)), "{text}");
        }
        for text in ["", "yesterday", "8x", "30000y"] {
            assert!(read(text).is_err(), "{text}");
        }
        assert!(read("soon").unwrap_err().contains("such as 8h, 30m or 2d"));
    }
}
