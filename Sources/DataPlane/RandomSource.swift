/// The source of a worker's randomness.
package enum RandomSource: RandomNumberGenerator {
    /// The system's generator.
    case system
    /// A sequence determined by the number alone, so that tests can repeat what happened. SplitMix64 (Steele, Lea and
    /// Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014).
    case seeded(UInt64)

    package mutating func next() -> UInt64 {
        switch self {
        case .system:
            var system = SystemRandomNumberGenerator()
            return system.next()
        case .seeded(let state):
            let next = state &+ 0x9e37_79b9_7f4a_7c15
            self = .seeded(next)
            var mixed = (next ^ next >> 30) &* 0xbf58_476d_1ce4_e5b9
            mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
            return mixed ^ mixed >> 31
        }
    }
}
