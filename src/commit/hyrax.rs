//! TBD
pub struct RowCommitments;
pub struct RowBlindings;
