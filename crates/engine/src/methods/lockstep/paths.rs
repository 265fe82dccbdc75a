//! The lockstep loop compiled for several sets of processor features; which one runs is chosen when the program runs.

use super::block::{Block, Instructions, Pause};
use crate::network::LARGEST_GROUP;

/// Instructions that the loop is compiled to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Path {
    /// What every processor of the architecture has: SSE2 on x86-64, NEON on AArch64.
    Baseline,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Path {
    /// All that this processor can run, best first.
    pub fn available() -> Vec<Self> {
        let mut paths = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("bmi2")
                && is_x86_feature_detected!("popcnt")
            {
                paths.push(Path::Avx512);
            }
            if is_x86_feature_detected!("avx2") {
                paths.push(Path::Avx2);
            }
        }
        paths.push(Path::Baseline);
        paths
    }

    /// [`Block::run`] on this path, which must be one of [`Path::available`].
    #[inline]
    pub fn run<const W: usize>(self, block: &mut Block<W>, fire: u64) -> Pause {
        match self {
            Path::Baseline => baseline(block, fire),
            #[cfg(target_arch = "x86_64")]
            #[expect(unsafe_code, reason = "a path with features is made only where these were detected")]
            // SAFETY: `available` is the only source of this variant; it has seen the features.
            Path::Avx2 => unsafe { avx2(block, fire) },
            #[cfg(target_arch = "x86_64")]
            #[expect(unsafe_code, reason = "a path with features is made only where these were detected")]
            // SAFETY: as above.
            Path::Avx512 => unsafe { avx512(block, fire) },
        }
    }
}

fn baseline<const W: usize>(block: &mut Block<W>, fire: u64) -> Pause {
    block.run::<Portable>(fire)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn avx2<const W: usize>(block: &mut Block<W>, fire: u64) -> Pause {
    block.run::<Portable>(fire)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,bmi2,popcnt")]
fn avx512<const W: usize>(block: &mut Block<W>, fire: u64) -> Pause {
    block.run::<Avx512>(fire)
}

struct Portable;

impl Instructions for Portable {
    #[inline(always)]
    fn passed(sums: &[f64; LARGEST_GROUP], factor: f64, rest: f64) -> usize {
        sums.iter().map(|sum| usize::from(sum * factor <= rest)).sum()
    }
}

/// One comparison of eight numbers.
#[cfg(target_arch = "x86_64")]
struct Avx512;

#[cfg(target_arch = "x86_64")]
impl Instructions for Avx512 {
    #[inline(always)]
    #[expect(unsafe_code, reason = "instructions of a path are used within it only")]
    fn passed(sums: &[f64; LARGEST_GROUP], factor: f64, rest: f64) -> usize {
        use std::arch::x86_64::{_CMP_LE_OQ, _mm512_cmp_pd_mask, _mm512_loadu_pd, _mm512_mul_pd, _mm512_set1_pd};
        // SAFETY: only `avx512` above names this type, and it has the features. The load reads the array's eight numbers.
        let passed = unsafe {
            let products = _mm512_mul_pd(_mm512_loadu_pd(sums.as_ptr()), _mm512_set1_pd(factor));
            _mm512_cmp_pd_mask::<_CMP_LE_OQ>(products, _mm512_set1_pd(rest))
        };
        passed.count_ones() as usize
    }
}
