//! The instruction sets that kernels are compiled for, chosen when the program runs.

#[cfg(target_arch = "aarch64")]
use pulp::aarch64::Neon;
#[cfg(target_arch = "x86_64")]
use pulp::x86::{V3, V4};
use pulp::{Scalar, Simd, WithSimd};

/// A set of vector instructions that this machine has.
#[derive(Clone, Copy, Debug)]
pub struct Isa(Set);

#[derive(Clone, Copy, Debug)]
enum Set {
    #[cfg(target_arch = "x86_64")]
    Avx512(V4),
    #[cfg(target_arch = "x86_64")]
    Avx2(V3),
    #[cfg(target_arch = "aarch64")]
    Neon(Neon),
    Plain,
}

impl Isa {
    /// The widest that this machine has.
    pub fn best() -> Self {
        let [best, ..] = &Self::all()[..] else { return Self(Set::Plain) };
        *best
    }

    /// All that this machine has, widest first; the last one needs nothing but the language.
    pub fn all() -> Vec<Self> {
        let mut sets = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            sets.extend(V4::try_new().map(Set::Avx512));
            sets.extend(V3::try_new().map(Set::Avx2));
        }
        #[cfg(target_arch = "aarch64")]
        sets.extend(Neon::try_new().map(Set::Neon));
        sets.push(Set::Plain);
        sets.into_iter().map(Self).collect()
    }

    /// Its usual name.
    pub fn name(self) -> &'static str {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Set::Avx512(_) => "AVX-512",
            #[cfg(target_arch = "x86_64")]
            Set::Avx2(_) => "AVX2 + FMA",
            #[cfg(target_arch = "aarch64")]
            Set::Neon(_) => "NEON",
            Set::Plain => "plain",
        }
    }

    /// Runs `op` compiled for this set.
    #[inline]
    pub fn run<Op: WithSimd>(self, op: Op) -> Op::Output {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Set::Avx512(simd) => Simd::vectorize(simd, op),
            #[cfg(target_arch = "x86_64")]
            Set::Avx2(simd) => Simd::vectorize(simd, op),
            #[cfg(target_arch = "aarch64")]
            Set::Neon(simd) => Simd::vectorize(simd, op),
            Set::Plain => Simd::vectorize(Scalar::new(), op),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_set_comes_first_and_the_plain_one_last() {
        let all = Isa::all();
        assert_eq!(all[0].name(), Isa::best().name());
        assert_eq!(all[all.len() - 1].name(), "plain");
    }
}
