//! What survives a restart: checkpoints, the history, the best architectures.
//!
//! ```text
//! STATE/                         one owner, mode 0750; `LOCK` keeps a second process out
//!   checkpoints/000000004200/    one folder a generation, sealed by its MANIFEST.json
//!   history.sqlite               rollouts, steps, trials and events, for people and plots
//!   history.id                   the name of the history that belongs here
//!   best/ID/                     the best architectures with their files, checked by B3SUMS
//!   test-split.json              who was ever measured on the test split, and what was seen
//!   costs.json                   how long layers take, where a limit goes by it
//!   champions/ID/                the best architectures, trained from scratch, checked by B3SUMS
//!   trials/KEY/                  nets that are trained from scratch, checked by B3SUMS
//!   corrupt/NAME/                checkpoints and histories that failed their checks, with a WHY.txt
//! ```
//!
//! Everything here is bytes: what the files of a checkpoint mean is the business of whoever
//! writes them. Three rules make the promise that a crash at any moment, power cuts included,
//! loses nothing that was acknowledged:
//!
//! 1. What is written is written under another name, synced, renamed, and synced again in its
//!    folder, before the caller hears of it ([`write_atomically`], [`write_folder_atomically`]).
//! 2. What is read is checked byte for byte before it is used ([`Checkpoints::load_newest`]).
//! 3. Nothing is deleted unless something better is already on disk, and nothing is started over
//!    without being asked: no whole checkpoint among several is an error, not a fresh start.

mod arch_code;
mod arch_files;
mod atomic;
mod best;
mod champion;
mod checkpoint;
mod cost_file;
mod defect;
mod error;
mod exports;
mod finals_file;
mod folder;
mod form;
mod generation;
mod history;
mod history_archs;
mod history_binding;
mod history_check;
mod history_children;
mod history_draws;
mod history_fold;
mod history_hours;
mod history_injected;
mod history_marks;
mod history_migration;
mod history_pages;
mod history_reader;
mod history_row;
mod history_scan;
mod history_schema;
mod history_stored;
mod history_tables;
mod history_third;
mod history_trials;
mod history_writer;
mod ledger_file;
mod listed;
mod loaded_file;
mod lock;
mod lock_holder;
mod manifest;
mod name;
mod net_file;
mod omega_files;
mod phase_entry;
mod quarantine;
mod read;
mod recipe;
mod replica_entry;
mod retention;
mod rows;
mod score_entry;
mod seal;
mod search_file;
mod state_files;
mod state_view;
mod text_seal;
mod trial_files;

pub use arch_files::{
    ArchCard, ArchFault, CARD, WEIGHTS, arch_weights, best_files, scored_weights,
};
pub use atomic::{write_atomically, write_folder_atomically};
pub use best::BestFolder;
pub use champion::{
    ChampionCard, ChampionNet, ChampionParts, DataCard, LABELS, MeasureCard, NetPredictor, ONNX,
    PairCard, RecipeCard, RivalCard, TestCard, ValidCard, Verdicts, champion_card, champion_files,
    check_champion, open_champion,
};
pub use checkpoint::{Checkpoints, Generation, LoadedCheckpoint};
pub use cost_file::CostFile;
pub use defect::{Defect, FolderFault, LedgerFault};
pub use error::StoreError;
pub use exports::Exports;
pub use folder::{HISTORY, StateFolder};
pub use history::{History, Pruned};
pub use history_binding::{OwnHistory, RejectedHistory};
pub use history_check::Health;
pub use history_draws::{ArchDraws, ArmDraws, RewardAt};
pub use history_hours::HourRow;
pub use history_pages::{HistoryFilter, Page};
pub use history_reader::{ArchOrder, ArchSummary, HistoryReader};
pub use history_row::{ChampionRow, EventRow, HistoryPhase, HistoryRow, StepRow, TrialRow};
pub use history_writer::Keeping;
pub use ledger_file::LedgerFile;
pub use lock::hold_folder;
pub use net_file::{NetFile, NetFormat, PortableNet};
pub use quarantine::Rejected;
pub use retention::{Retention, RetentionAction};
pub use rows::history_rows;
pub use state_files::{Binding, computed_by, config_text, data_text, read_state, state_files};
pub use state_view::{Disk, FolderFacts, Newest, SetAside, StateView};
pub use trial_files::TrialFolder;
