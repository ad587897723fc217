//! Conversion of 16-bit floats to 32 bits, which is exact.

/// Converts a 16-bit float.
pub(crate) fn f16_to_f32(bits: u16) -> f32 {
    /// 2^112: the ratio of the exponent offsets of both types.
    const RATIO: f32 = f32::from_bits((127 + 112) << 23);
    let sign = u32::from(bits & 0x8000) << 16;
    let magnitude = u32::from(bits & 0x7fff);
    let value = match magnitude {
        // Infinite or NaN.
        0x7c00.. => f32::from_bits(0x7f80_0000 | (magnitude & 0x3ff) << 13),
        _ => f32::from_bits(magnitude << 13) * RATIO,
    };
    f32::from_bits(sign | value.to_bits())
}

/// Converts a 16-bit float with the exponent range of a 32-bit float.
pub(crate) fn bf16_to_f32(bits: u16) -> f32 {
    f32::from_bits(u32::from(bits) << 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_precision_is_converted_exactly() {
        for (bits, expected) in [
            (0x0000, 0.0),
            (0x3555, 0.333_251_95),
            (0x7bff, 65_504.0),
            (0xfbff, -65_504.0),
            (0x03ff, 6.097_555e-5),
            (0x7c00, f32::INFINITY),
            (0xfc00, f32::NEG_INFINITY),
        ] {
            assert_eq!(f16_to_f32(bits), expected, "{bits:x}");
        }
        assert!(f16_to_f32(0x7e00).is_nan());
        assert!(f16_to_f32(0x8000).is_sign_negative());
    }

    #[test]
    fn the_upper_half_of_a_float_is_converted_exactly() {
        for (bits, expected) in [(0x3f80, 1.0), (0xc049, -3.140_625), (0x7f80, f32::INFINITY)] {
            assert_eq!(bf16_to_f32(bits), expected, "{bits:x}");
        }
    }
}
