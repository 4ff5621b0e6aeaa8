import Comparison
import Testing

@Suite("Tolerance") struct ToleranceTests {
    private func areEqual(_ left: Double, _ right: Double, _ tolerance: Tolerance) -> Bool {
        let comparer = Comparer.make { $0.tolerance = tolerance }
        let equal =
            comparer.compare(
                WireWriter.message { $0.double(1, left) }, WireWriter.message { $0.double(1, right) }) == .equal
        let reversed =
            comparer.compare(
                WireWriter.message { $0.double(1, right) }, WireWriter.message { $0.double(1, left) }) == .equal
        #expect(equal == reversed)
        return equal
    }

    @Test("Either distance is enough")
    func floats() {
        let both = Tolerance(absolute: 0.5, relative: 0.01)
        #expect(areEqual(1, 1.5, both) && !areEqual(1, 1.75, both))
        #expect(areEqual(1000, 1010, both) && !areEqual(1000, 1011, both))
        #expect(areEqual(-1, 1, Tolerance(absolute: 2, relative: 0)))
        let none = Tolerance(absolute: 0, relative: 0)
        #expect(areEqual(0, -0.0, none) && !areEqual(0, .leastNonzeroMagnitude, none))
        #expect(areEqual(.nan, .nan, none) && areEqual(.infinity, .infinity, none))
        let wide = Tolerance(absolute: .greatestFiniteMagnitude, relative: 0.9)
        #expect(!areEqual(.nan, 1, wide) && !areEqual(.infinity, 1, wide) && !areEqual(.infinity, -.infinity, wide))
        #expect(!areEqual(.greatestFiniteMagnitude, -.greatestFiniteMagnitude, wide))
    }

    @Test("Whole numbers have the absolute distance alone")
    func integers() {
        let areEqual: (Int64, Int64, Tolerance) -> Bool = { left, right, tolerance in
            Comparer.make { $0.tolerance = tolerance }.compare(
                WireWriter.message {
                    $0.int(3, left); $0.int(4, left)
                },
                WireWriter.message {
                    $0.int(3, right); $0.int(4, right)
                }) == .equal
        }
        #expect(!areEqual(1_000_000_000, 1_000_000_001, Tolerance()))
        #expect(areEqual(5, 6, Tolerance(absolute: 1)) && !areEqual(5, 7, Tolerance(absolute: 1)))
        #expect(!areEqual(.min, .max, Tolerance(absolute: 1e18)))
        #expect(areEqual(.min, .max, Tolerance(absolute: 2e19)))
    }
}
