/// SipHash-2-4, a hash whose values nobody can foretell who doesn't know its key (Aumasson, Bernstein: "SipHash: a fast
/// short-input PRF", 2012). Swift's own `Hasher` has another key in every process.
package enum SipHash {
    /// - Parameters:
    ///   - bytes: what is hashed.
    ///   - key0: the first eight bytes of the key, the lowest first.
    ///   - key1: the other eight.
    package static func hash(_ bytes: UnsafeBufferPointer<UInt8>, _ key0: UInt64, _ key1: UInt64) -> UInt64 {
        var state = State(key0, key1)
        let whole = bytes.count & ~7
        for start in stride(from: 0, to: whole, by: 8) { unsafe state.take(word(bytes, start, 8)) }
        let rest = unsafe word(bytes, whole, bytes.count - whole)
        state.take(rest | UInt64(truncatingIfNeeded: bytes.count) << 56)
        return state.finish()
    }

    /// Some bytes as a number, the lowest first.
    private static func word(_ bytes: UnsafeBufferPointer<UInt8>, _ start: Int, _ count: Int) -> UInt64 {
        var word: UInt64 = 0
        for offset in 0..<count { unsafe word |= UInt64(bytes[start + offset]) << UInt64(8 * offset) }
        return word
    }

    private struct State {
        private var v0: UInt64
        private var v1: UInt64
        private var v2: UInt64
        private var v3: UInt64

        init(_ key0: UInt64, _ key1: UInt64) {
            // "somepseudorandomlygeneratedbytes"
            v0 = key0 ^ 0x736f_6d65_7073_6575
            v1 = key1 ^ 0x646f_7261_6e64_6f6d
            v2 = key0 ^ 0x6c79_6765_6e65_7261
            v3 = key1 ^ 0x7465_6462_7974_6573
        }

        mutating func take(_ word: UInt64) {
            v3 ^= word
            for _ in 0..<2 { mix() }
            v0 ^= word
        }

        mutating func finish() -> UInt64 {
            v2 ^= 0xff
            for _ in 0..<4 { mix() }
            return v0 ^ v1 ^ v2 ^ v3
        }

        private mutating func mix() {
            v0 &+= v1
            v1 = Self.rotated(v1, 13) ^ v0
            v0 = Self.rotated(v0, 32)
            v2 &+= v3
            v3 = Self.rotated(v3, 16) ^ v2
            v0 &+= v3
            v3 = Self.rotated(v3, 21) ^ v0
            v2 &+= v1
            v1 = Self.rotated(v1, 17) ^ v2
            v2 = Self.rotated(v2, 32)
        }

        private static func rotated(_ word: UInt64, _ count: UInt64) -> UInt64 {
            word &<< count | word &>> (64 &- count)
        }
    }
}
