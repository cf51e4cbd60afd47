//! Command lines of the go command and the roles of processes, as tables.

mod commands;
mod roles;
