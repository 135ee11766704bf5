//! TBD
pub struct GroupEquation;
