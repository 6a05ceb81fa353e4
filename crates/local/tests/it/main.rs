//! The embedded engine from outside: real directories and threads, faults where the test says so.

mod audit;
mod backup;
mod contracts;
mod crash;
mod damage;
mod dropping;
mod erasure;
mod erasure_moves;
mod exports;
mod history;
mod history_crash;
mod history_figures;
mod jobs;
mod lists;
mod once;
mod reports;
mod reports_figures;
mod reports_then;
mod segment_figures;
mod segments;
mod slow_disk;
mod stand;
mod stops;
mod store_damage;
mod values;
