import Comparison
import TestSupport
import Testing

/// Messages that would cost much. Each is compared or given up within a time that no endless loop, and nothing that grows
/// faster than the message, would keep.
@Suite("Bounded work", .serialized) struct BoundedWorkTests {
    private static let size = 16 << 20

    /// Compares with the default limits, typed and untyped, and both ways.
    private func outcomes(_ left: [UInt8], _ right: [UInt8], method: String = Fixtures.cook) -> [Outcome] {
        [true, false].flatMap { typed in
            let comparer = Comparer.make(typed: typed)
            return [(left, right), (right, left)].map { pair in
                let began = ContinuousClock.now
                let outcome = comparer.compare(pair.0, pair.1, method: method)
                let taken = ContinuousClock.now - began
                #expect(taken < .seconds(3), "\(taken)")
                return outcome
            }
        }
    }

    @Test("Millions of fields")
    func fields() {
        for pair: [UInt8] in [[0x08, 0x01], [0x0A, 0x00], [0x52, 0x00], [0xBA, 0x02]] {
            let unit = pair == [0xBA, 0x02] ? pair + [0] : pair
            let many = Array([[UInt8]](repeating: unit, count: Self.size / unit.count).joined())
            #expect(outcomes(many, [0x08, 0x02]).allSatisfy { $0 == .givenUp(.tooComplex) }, "\(unit)")
            #expect(outcomes(many, many + [0x08, 0x02]).allSatisfy { $0 == .givenUp(.tooComplex) }, "\(unit)")
        }
    }

    @Test("Large values that are equal, but for the last byte")
    func large() {
        for last: UInt8 in [0, 0x41, 0xFF] {
            // No field begins with a tilde.
            var left = [UInt8](repeating: UInt8(ascii: "~"), count: Self.size)
            let right = WireWriter.message { $0.bytes(9, left) }
            left[left.count - 1] = last &+ 1
            let outcomes = outcomes(WireWriter.message { $0.bytes(9, left) }, right)
            #expect(outcomes.allSatisfy { $0.paths == ["f_string"] || $0.paths == ["9"] })
        }
    }

    @Test("Tensors of millions of numbers that all differ")
    func tensors() throws {
        let response: (Float) -> [UInt8] = { value in
            WireWriter.message { writer in
                writer.message(5) { $0.text(2, "FP32") }
                let element = value.bitPattern.littleEndianBytes
                writer.bytes(6, Array([[UInt8]](repeating: element, count: Self.size / 4).joined()))
            }
        }
        for outcome in outcomes(response(1), response(3), method: Fixtures.infer) {
            let difference = try #require(outcome.only)
            #expect(difference.values == Self.size / 4 && difference.spread.mean == 2)
        }
    }

    @Test("Messages in messages in messages", arguments: [99, 100, 101, 5000])
    func nested(depth: Int) {
        for number: UInt64 in [4, 10, 77] {
            let nest: (Double) -> [UInt8] = { value in
                var message = WireWriter.message { $0.double(2, value) }
                for level in 1..<depth {
                    message = WireWriter.message { $0.bytes(level == depth - 1 ? 10 : number, message) }
                }
                return message
            }
            for outcome in outcomes(nest(1), nest(2)) {
                let difference = outcome.only
                #expect(difference != nil)
                let isNumber = difference?.pair == "1.0 | 2.0" || difference?.pair == "2.0 | 1.0"
                #expect(isNumber == (depth <= 100), "\(depth) \(difference?.pair ?? "")")
                if !isNumber { #expect(difference?.pair.hasPrefix("not a message") == true) }
            }
        }
    }

    @Test("Groups in groups in groups")
    func groups() {
        for count in [50, 99, 100, 1_000_000] {
            let nest: (UInt8) -> [UInt8] = { value in
                [UInt8](repeating: 0x3B, count: count) + [0x08, value] + [UInt8](repeating: 0x3C, count: count)
            }
            for outcome in outcomes(nest(1), nest(2)) {
                #expect(outcome.only?.pair.hasPrefix("not a message") == (count > 99), "\(count)")
            }
        }
        let open = [UInt8](repeating: 0x3B, count: Self.size)
        #expect(outcomes(open, [0x08, 1]).allSatisfy { $0.only?.path == "(message)" })
    }

    @Test("Messages that read as text to the last byte, at each of their levels")
    func text() {
        // A tag, of field 13, and lengths that are characters, too: the check for text goes on to the last byte.
        let tag = UInt8(ascii: "j")
        let filling: (Int) -> [UInt8] = { [tag, UInt8($0 - 2)] + [UInt8](repeating: 0x41, count: $0 - 2) }
        var message = filling(128) + [tag, 1, 0]
        for step in 0x20...0x7E {
            let length = 0x43 | 0x20 << 7 | step << 14
            let rows = max(0, (length - message.count) / 128 - 1)
            message = Array([[UInt8]](repeating: filling(128), count: rows).joined()) + message
            message = filling((length - message.count) / 2) + filling((length - message.count + 1) / 2) + message
            message = [tag, 0xC3, 0xA0, UInt8(step)] + message
        }
        var other = message
        other[other.count - 1] = 1
        #expect(outcomes(message, other).allSatisfy { $0 == .givenUp(.tooComplex) })
    }

    @Test("Maps of many keys")
    func maps() {
        let map: (Double) -> [UInt8] = { value in
            WireWriter.message { writer in
                for key in 0..<400_000 {
                    writer.message(51) {
                        $0.text(1, "\(key)"); $0.double(2, value)
                    }
                }
            }
        }
        #expect(outcomes(map(1), map(2)).allSatisfy { $0 == .givenUp(.tooComplex) || $0.differences != nil })
    }

    @Test("Random bytes")
    func noise() {
        var random = SplitMix(seed: 3)
        let noise = (0..<Self.size / 8).flatMap { _ in random.next().littleEndianBytes }
        #expect(outcomes(noise, noise.reversed()).allSatisfy { $0.only?.path == "(message)" })
        let inside = WireWriter.message { $0.bytes(12, noise) }
        let other = WireWriter.message { $0.bytes(12, noise.reversed()) }
        #expect(outcomes(inside, other).allSatisfy { $0.paths == ["f_bytes"] || $0.paths == ["12"] })
    }
}
