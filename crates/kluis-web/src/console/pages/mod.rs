//! The pages of the console, one file per place in the menu.

pub(crate) mod access;
pub(crate) mod checks;
pub(crate) mod customer;
pub(crate) mod exports;
pub(crate) mod find;
pub(crate) mod home;
pub(crate) mod import;
pub(crate) mod log;
pub(crate) mod mail;
pub(crate) mod public;
