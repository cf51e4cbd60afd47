//! Tables of command lines of the go command, and of the roles of processes.

mod commands;
mod roles;
