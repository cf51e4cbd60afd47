//! Rules about the surroundings in which a program runs: variables, limits, rights, the state of a service.

pub mod environment;
pub mod limits;
pub mod sandbox;
pub mod scheduler;
pub mod service;
