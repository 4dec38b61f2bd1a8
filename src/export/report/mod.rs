//! A report of a search as one page of HTML that needs nothing else: no script, font or picture
//! from elsewhere, which its content security policy forbids anyway.
//!
//! ```text
//! Report (plain data) ─► page ─┬─ sections, every text escaped   maud
//!                              ├─ plots as SVG                   plotters
//!                              └─ style.css, sort.js             inline
//! ```
//!
//! A pure function: the same data give the same page, byte for byte.

mod contents;
mod curves;
mod front;
mod page;
mod plot;
mod plots;
mod regret;
mod study;
mod table;

pub use contents::{
    Agreement, DrawnBy, Report, ReportChampion, ReportVerdict, RetrainedArch, RewardUnit,
};
pub use curves::{CurvePoint, Curves, Moments};
pub use front::pareto_front;
pub use page::report_page;
pub use regret::{RegretLine, regret_svg};
pub use study::{StudyReport, StudyRow, study_page};
