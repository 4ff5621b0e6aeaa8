import Glibc

/// Steele, Lea and Flood's SplitMix64: small, and the same everywhere from the same seed.
struct SplitMix: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
        // The state moves on by one constant: neighbouring seeds must not begin a step apart, so each begins at a word.
        state = next() ^ (seed &* 0xD6E8_FEB8_6659_FD93)
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }

    /// Evenly distributed, at least 0 and below 1.
    mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }

    mutating func chance(_ probability: Double) -> Bool { unit() < probability }

    /// A standard normal deviate (Box and Muller).
    mutating func normal() -> Double { sqrt(-2 * log(1 - unit())) * cos(2 * .pi * unit()) }
}
