/// Decodes the strings of `HuffmanCode`, four bits at a time.
///
/// A value of this type is a pointer to a table made once and never freed: a decoder holds one because a global costs a
/// call to check that it has been made.
///
/// Soundness: `steps` has 256 times 16 elements, all initialized, and every `next` is below 256.
@safe
package struct HuffmanDecoder {
    /// Never changed.
    nonisolated(unsafe) package static let shared = HuffmanDecoder()

    /// The effect of four bits in a state, which is a prefix of codes: as no code is shorter than 5 bits, they complete
    /// at most one symbol. Packed, because decoding does nothing else.
    private struct Step {
        private let bits: UInt32

        /// - Parameters:
        ///   - next: the state that follows.
        ///   - symbol: the symbol completed, if any.
        ///   - mayEnd: whether a string may end here: with fewer than 8 ones, the beginning of EOS.
        init(next: UInt8, symbol: UInt8?, mayEnd: Bool) {
            bits = UInt32(next) | UInt32(symbol ?? 0) << 8 | (symbol == nil ? 0 : 1 << 16) | (mayEnd ? 1 << 17 : 0)
        }

        private init(bits: UInt32) { self.bits = bits }

        /// The step for bits that no string has.
        static let impossible = Step(bits: 1 << 18)

        @inline(__always) var next: Int { Int(bits & 0xff) }
        @inline(__always) var symbol: UInt8 { UInt8(truncatingIfNeeded: bits >> 8) }
        /// Number of symbols completed, 0 or 1.
        @inline(__always) var symbols: Int { Int(bits >> 16 & 1) }
        @inline(__always) var mayEnd: Bool { bits & 1 << 17 != 0 }
        @inline(__always) var isPossible: Bool { bits & 1 << 18 == 0 }
    }

    /// Indexed by state and nibble: the code has 257 symbols, and so 256 prefixes, with 16 steps each.
    private let steps: UnsafePointer<Step>

    private init() {
        let prefixes = Prefixes()
        precondition(prefixes.children.count == 256, "a complete code of 257 symbols has as many prefixes")
        let steps = UnsafeMutableBufferPointer<Step>.allocate(capacity: 256 * 16)
        for index in steps.indices {
            unsafe steps.initializeElement(at: index, to: prefixes.step(from: index / 16, index % 16))
        }
        unsafe self.steps = UnsafePointer(steps.baseAddress!)
    }

    /// Bytes of room for decoding `count` bytes: the shortest code has 5 bits, and a byte is written at the place of
    /// the next symbol even if none is complete.
    package static func room(for count: Int) -> Int { count * 8 / 5 + 1 }

    /// Decodes a string into memory with room for `room(for:)` bytes.
    ///
    /// - Returns: the length of the string; `nil` if it contains EOS, or ends in bits that aren't all ones or in a
    ///   whole byte of padding.
    package func decode(_ string: UnsafeRawBufferPointer, into output: UnsafeMutablePointer<UInt8>) -> Int? {
        guard let start = string.baseAddress else { return 0 }
        var (count, offset) = (0, 0)
        var state = 0
        var mayEnd = true
        while offset < string.count {
            let byte = unsafe start.load(fromByteOffset: offset, as: UInt8.self)
            offset &+= 1
            let high = unsafe steps[state << 4 | Int(byte >> 4)]
            unsafe output[count] = high.symbol
            count &+= high.symbols
            let low = unsafe steps[high.next << 4 | Int(byte & 0xf)]
            unsafe output[count] = low.symbol
            count &+= low.symbols
            guard high.isPossible, low.isPossible else { return nil }
            state = low.next
            mayEnd = low.mayEnd
            assert(count < Self.room(for: string.count), "no code is shorter than 5 bits")
        }
        return mayEnd ? count : nil
    }

    /// The code as a tree.
    private struct Prefixes {
        enum Child {
            case prefix(Int)
            case symbol(Int)
            case none
        }

        private(set) var children: [[Child]] = [[.none, .none]]
        /// The prefixes of EOS that are short enough to be padding, including the empty one.
        private var paddings: Set<Int> = [0]

        private static let endOfString = 256

        init() {
            for (symbol, (code, count)) in zip(HuffmanCode.codes, HuffmanCode.bitCounts).enumerated() {
                add(symbol, code, Int(count))
            }
            add(Self.endOfString, 0x3fff_ffff, 30)
            var state = 0
            for _ in 1...7 {
                guard case .prefix(let next) = children[state][1] else { break }
                paddings.insert(next)
                state = next
            }
        }

        private mutating func add(_ symbol: Int, _ code: UInt32, _ count: Int) {
            var state = 0
            for bit in stride(from: count - 1, to: 0, by: -1) {
                let side = Int(code >> UInt32(bit) & 1)
                guard case .prefix(let next) = children[state][side] else {
                    children.append([.none, .none])
                    children[state][side] = .prefix(children.count - 1)
                    state = children.count - 1
                    continue
                }
                state = next
            }
            children[state][Int(code & 1)] = .symbol(symbol)
        }

        func step(from start: Int, _ nibble: Int) -> Step {
            var (symbol, state) = (UInt8?.none, start)
            for bit in stride(from: 3, through: 0, by: -1) {
                switch children[state][nibble >> bit & 1] {
                case .prefix(let next): state = next
                case .symbol(Self.endOfString), .none: return .impossible
                case .symbol(let complete):
                    symbol = UInt8(complete)
                    state = 0
                }
            }
            return Step(next: UInt8(state), symbol: symbol, mayEnd: paddings.contains(state))
        }
    }
}
