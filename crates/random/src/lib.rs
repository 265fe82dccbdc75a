//! Keyed random streams: the one source of randomness of metacascade.
//!
//! A [`Key`] names a place in a computation (seed, generation, proposal, condition, replicate …).
//! Each key owns one independent stream, so the number of threads, the size of a batch or a resumed
//! run change nothing:
//!
//! ```
//! use metacascade_random::{Key, rand::RngExt};
//! let particle = Key::new(1).child(7);
//! let first: f64 = particle.child(0).stream().random();
//! assert_eq!(first, particle.child(0).stream().random::<f64>());
//! assert_ne!(first, particle.child(1).stream().random::<f64>());
//! ```

pub use rand;

use rand::SeedableRng;

/// The generator behind every stream: xoshiro256++ (Blackman & Vigna 2021, ACM TOMS 47:36).
pub type Stream = rand_xoshiro::Xoshiro256PlusPlus;

/// A place in a computation, hashed to 128 bits.
///
/// Two different paths share a stream with a probability of about 2⁻¹²⁸ a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    high: u64,
    low: u64,
}

impl Key {
    /// The root of all streams of one seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { high: mix(seed ^ 0x6d65_7461_6361_7363), low: mix(seed.wrapping_add(GOLDEN)) }
    }

    /// The key one step further down the path. The order of steps matters.
    #[must_use]
    pub const fn child(self, id: u64) -> Self {
        let high = mix(self.high.wrapping_add(mix(id.wrapping_add(GOLDEN))));
        let low = mix(self.low ^ high ^ mix(id ^ 0x6164_6500_6b65_7973));
        Self { high, low }
    }

    /// The state of xoshiro256++ at the beginning of this key's stream, for those who run many streams side by side.
    #[must_use]
    pub const fn state(self) -> [u64; 4] {
        [
            mix(self.high.wrapping_add(GOLDEN)),
            mix(self.low.wrapping_add(GOLDEN)),
            mix(self.high ^ self.low.rotate_left(32)),
            mix(self.low.wrapping_add(self.high.rotate_left(17))),
        ]
    }

    /// The stream of this key, from its beginning.
    #[must_use]
    pub fn stream(self) -> Stream {
        let mut seed = [0; 32];
        for (bytes, word) in seed.chunks_exact_mut(8).zip(self.state()) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        Stream::from_seed(seed)
    }
}

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// The finaliser of SplitMix64 (Steele, Lea & Flood 2014, OOPSLA, figure 16; constants of Stafford's variant 13).
const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests;
