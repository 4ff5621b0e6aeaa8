import Comparison
import Foundation
import Testing

/// What a comparison costs, printed where `SLUICE_COSTS` is set.
@Suite("Cost of a comparison", .enabled(if: ProcessInfo.processInfo.environment["SLUICE_COSTS"] != nil), .serialized)
struct CostTests {
    private static let rounds = 20_000

    /// Prints the shortest of seven rounds' mean times.
    private func measure(_ name: String, _ body: () -> Void) {
        let best = (0..<7).map { _ in
            ContinuousClock().measure { for _ in 0..<Self.rounds { body() } }
        }.min()!
        let microseconds = Double(best.components.attoseconds) / 1e12 + Double(best.components.seconds) * 1e6
        print("cost of \(name): \((microseconds / Double(Self.rounds) * 1000).rounded() / 1000) µs")
    }

    private func answer(_ bytes: [UInt8]) -> Answer { Answer(status: 0, body: FramingTests.framed(bytes)) }

    /// A prediction with this many classes: the size is about 27 bytes for each.
    private func prediction(_ classes: Int, _ probability: Double, version: String = "v1.0.0") -> [UInt8] {
        WireWriter.message { writer in
            writer.text(1, "class-0000001")
            for number in 0..<classes {
                writer.message(2) {
                    $0.text(1, "class-\(1_000_000 + number)"); $0.double(2, probability + Double(number))
                }
            }
            writer.text(3, version)
        }
    }

    @Test("Comparisons of 1 KiB")
    func comparisons() {
        for (name, classes) in [("1 KiB (38 classes)", 38), ("100 B (3 classes)", 3)] {
            let base = answer(prediction(classes, 0.5))
            let copy = answer(Array(prediction(classes, 0.5)))
            let all = answer(prediction(classes, 0.6))
            let near = answer(prediction(classes, 0.500_000_1))
            let version = answer(prediction(classes, 0.5, version: "v1.1.0"))
            for kind in ["typed", "untyped"] {
                var comparer = MessageComparison(Comparer.make(typed: kind == "typed"))
                measure("\(name), \(kind), equal bytes") { _ = comparer.compare(base, copy, method: Fixtures.predict) }
                measure("\(name), \(kind), one string differs") {
                    _ = comparer.compare(base, version, method: Fixtures.predict)
                }
                measure("\(name), \(kind), all numbers within tolerance") {
                    _ = comparer.compare(base, near, method: Fixtures.predict)
                }
                measure("\(name), \(kind), all numbers differ") {
                    _ = comparer.compare(base, all, method: Fixtures.predict)
                }
            }
        }
        let tensor: (Float) -> Answer = { value in
            self.answer(
                WireWriter.message { writer in
                    writer.message(5) {
                        $0.text(1, "scores"); $0.text(2, "FP32")
                    }
                    writer.bytes(6, [[UInt8]](repeating: value.bitPattern.littleEndianBytes, count: 250).flatMap { $0 })
                })
        }
        let (one, two) = (tensor(1), tensor(2))
        var typed = MessageComparison(Comparer.make())
        measure("1 KiB raw tensor, all elements differ") { _ = typed.compare(one, two, method: Fixtures.infer) }
    }

    @Test("Counting")
    func counting() {
        var comparisons = Comparisons(latencyBounds: (0..<60).map { 10_000 << ($0 / 2) + $0 })
        let call = ComparedCall(
            method: Fixtures.predict, time: 1, statuses: StatusPair(active: 0, other: 0), latencies: (200_000, 300_000))
        measure("counting an equal outcome") { comparisons.add(.equal, of: call) }
        let outcome = Comparer.make().compare(prediction(3, 0.5), prediction(3, 0.6), method: Fixtures.predict)
        measure("counting a different outcome") { comparisons.add(outcome, of: call) }
        for _ in 0..<1000 { comparisons.addRepeat(outcome, method: Fixtures.predict) }
        measure("counting noise") { comparisons.add(outcome, of: call) }
        let body = [0, 0, 0, 4, 0] + [UInt8](repeating: 7, count: 1024)
        measure("taking a body of 1 KiB apart") { _ = Answer(status: 0, body: body) }
    }
}
