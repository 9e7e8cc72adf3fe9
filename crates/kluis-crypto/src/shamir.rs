//! Shamir's secret sharing over GF(256), for a root key that any k of n people can restore.
//!
//! The field is AES's (x⁸+x⁴+x³+x+1). Multiplication has no tables and no branches on secrets, so
//! its time tells nothing about a share.

use kluis_model::Random;
use zeroize::Zeroize;

use crate::secret::Secret;

/// Most shares of one secret.
pub(crate) const SHARES_MAX: u8 = 16;

/// One point of each byte's polynomial: x (1..=16) and the 32 values at x.
pub(crate) struct Point {
    pub(crate) x: u8,
    pub(crate) values: Secret<32>,
}

/// Splits `secret` into `n` points of which any `k` restore it; x counts from 1.
///
/// Callers have checked 2 ≤ k ≤ n ≤ 16.
pub(crate) fn split(secret: &Secret<32>, k: u8, n: u8, rng: &dyn Random) -> Vec<Point> {
    debug_assert!(2 <= k && k <= n && n <= SHARES_MAX);
    let mut points: Vec<Point> = (1..=n).map(|x| Point { x, values: Secret::zeroed() }).collect();
    // coefficients[degree - 1][byte]; the constant term is the secret itself.
    let coefficients: Vec<Secret<32>> = (1..k).map(|_| Secret::random(rng)).collect();
    for point in &mut points {
        let x = point.x;
        for (byte, value) in point.values.expose_mut().iter_mut().enumerate() {
            let mut sum = 0;
            for coefficient in coefficients.iter().rev() {
                sum = multiply(sum ^ coefficient.expose()[byte], x);
            }
            *value = sum ^ secret.expose()[byte];
        }
    }
    points
}

/// Returns the polynomials' values at 0: the secret, if `points` are at least k of one split.
///
/// The x of all points must differ and be non-zero; the caller has checked that.
pub(crate) fn combine(points: &[Point]) -> Secret<32> {
    let mut secret = Secret::zeroed();
    for (i, point) in points.iter().enumerate() {
        let mut weight = 1;
        for (j, other) in points.iter().enumerate() {
            if i != j {
                weight = multiply(weight, multiply(other.x, invert(other.x ^ point.x)));
            }
        }
        for (out, value) in secret.expose_mut().iter_mut().zip(point.values.expose()) {
            *out ^= multiply(*value, weight);
        }
        weight.zeroize();
    }
    secret
}

/// Returns a × b in GF(256) in the same time for every a and b.
fn multiply(a: u8, b: u8) -> u8 {
    let (mut a, mut product) = (a, 0);
    for bit in 0..8 {
        product ^= a & (b >> bit & 1).wrapping_neg();
        a = a << 1 ^ (a >> 7).wrapping_neg() & 0x1b;
    }
    product
}

/// Returns 1/a in GF(256), as a²⁵⁴; 0 gives 0.
fn invert(a: u8) -> u8 {
    let square = |x| multiply(x, x);
    let a2 = square(a);
    let a3 = multiply(a2, a);
    let a12 = square(square(a3));
    let a15 = multiply(a12, a3);
    let a240 = square(square(square(square(a15))));
    multiply(multiply(a240, a12), a2)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::random::SystemRandom;

    /// FIPS 197 §4.2: {57} × {83} = {c1}, {57} × {13} = {fe}.
    #[test]
    fn field_known_answers() {
        assert_eq!(multiply(0x57, 0x83), 0xc1);
        assert_eq!(multiply(0x57, 0x13), 0xfe);
        assert_eq!(invert(0), 0);
        assert_eq!(invert(0x53), 0xca);
        for a in 1..=255 {
            assert_eq!(multiply(a, invert(a)), 1);
        }
    }

    #[test]
    fn field_laws() {
        for a in 0..=255u8 {
            for b in (0..=255u8).step_by(7) {
                assert_eq!(multiply(a, b), multiply(b, a));
                assert_eq!(multiply(a, b ^ 0x2d), multiply(a, b) ^ multiply(a, 0x2d));
            }
        }
    }

    fn pick(points: &[Point], chosen: &[usize]) -> Vec<Point> {
        let copy = |i: &usize| Point { x: points[*i].x, values: points[*i].values.clone() };
        chosen.iter().map(copy).collect()
    }

    #[test]
    fn every_k_of_n_recovers_and_fewer_do_not() {
        let secret = Secret::random(&SystemRandom);
        for (k, n) in [(2, 2), (2, 3), (3, 5), (5, 5), (4, 6)] {
            let points = split(&secret, k, n, &SystemRandom);
            for mask in 1u32..1 << n {
                let chosen: Vec<usize> = (0..usize::from(n)).filter(|i| mask >> i & 1 == 1).collect();
                let recovered = combine(&pick(&points, &chosen)) == secret;
                assert_eq!(recovered, chosen.len() >= usize::from(k), "{k} of {n}: {chosen:?}");
            }
        }
    }

    /// With k-1 points every byte of the secret stays equally likely: over many splits of one
    /// fixed secret, the byte that k-1 points would give is spread over all values.
    #[test]
    fn fewer_points_say_nothing() {
        let secret = Secret::from_bytes(&[0x41; 32]);
        let mut counts = [0u32; 256];
        for _ in 0..1000 {
            let points = split(&secret, 3, 3, &SystemRandom);
            for byte in combine(&pick(&points, &[0, 2])).expose() {
                counts[usize::from(*byte)] += 1;
            }
        }
        // 32 000 draws over 256 values: 125 expected each; chi-squared with 255 degrees of
        // freedom stays under 400 except once in about 10⁸ runs.
        let chi2: f64 = counts.iter().map(|n| (f64::from(*n) - 125.0).powi(2) / 125.0).sum();
        assert!(chi2 < 400.0, "chi-squared {chi2}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_order_recovers(bytes in any::<[u8; 32]>(), k in 2u8..=16, extra in 0u8..=14, turn in 0usize..16) {
            let n = k.saturating_add(extra).min(SHARES_MAX);
            let secret = Secret::from_bytes(&bytes);
            let mut points = split(&secret, k, n, &SystemRandom);
            let length = points.len();
            points.rotate_left(turn % length);
            points.truncate(usize::from(k));
            prop_assert!(combine(&points) == secret);
        }
    }
}
