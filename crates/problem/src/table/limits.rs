//! How much is read: files beyond these sizes are named and left alone.

/// Bytes of a file, as it is and unpacked. Places of cells are held in 32 bits.
pub(crate) const MOST_BYTES: u64 = 1 << 30;

/// The limit as messages tell it.
pub(crate) const MOST_BYTES_SHOWN: &str = "1 GB";
