//! The words of the product as types. Nothing here does IO or knows an engine; every type can be built in a test.

pub mod audit;
pub mod batch;
pub mod calendar;
pub mod catalog;
pub mod content;
pub mod erasure;
pub mod event;
pub mod export;
pub mod guard;
pub mod history;
pub mod id;
pub mod job;
pub mod ledger;
pub mod limits;
pub mod page;
pub mod problem;
pub mod profile;
pub mod property;
pub mod raw_events;
pub mod report;
pub mod saved;
pub mod segment;
pub mod team;
pub mod time;
pub mod value;
pub mod varint;
