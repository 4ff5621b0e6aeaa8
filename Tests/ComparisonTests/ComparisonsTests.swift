import Comparison
import Foundation
import TestSupport
import Testing

@Suite("Comparisons") struct ComparisonsTests {
    private static let method = Fixtures.predict

    private static func call(_ method: String = method, time: Int = 0, statuses: (Int, Int) = (0, 0)) -> ComparedCall {
        ComparedCall(
            method: method, time: time, statuses: StatusPair(active: statuses.0, other: statuses.1),
            latencies: (100, 300))
    }

    private static func differing(_ paths: [String], isComplete: Bool = true) -> Outcome {
        let list = paths.map { path in
            let example = Difference.Example(message: 0, place: path, active: .string(length: 1), other: .absent)
            return Difference(path: path, values: 1, spread: Spread(), first: example)
        }
        return .different(Differences(list: list, areComplete: isComplete))
    }

    private func made(_ fill: (inout Comparisons) -> Void) -> Comparisons {
        var comparisons = Comparisons(latencyBounds: [200, 400])
        fill(&comparisons)
        return comparisons
    }

    @Test("What was compared, agrees and was given up is counted, with statuses and latencies")
    func counts() {
        let comparisons = made { comparisons in
            for _ in 0..<97 { comparisons.add(.equal, of: Self.call()) }
            for _ in 0..<2 { comparisons.add(Self.differing(["label"]), of: Self.call()) }
            comparisons.add(Self.differing([Difference.status]), of: Self.call(statuses: (0, 14)))
            comparisons.add(.givenUp(.tooLarge), of: Self.call())
            comparisons.giveUp("buffer")
        }
        let agreement = comparisons.agreement()
        #expect(agreement.compared == 100 && agreement.agreeing == 97 && agreement.share == 0.97)
        #expect(agreement.lowerBound > 0.89 && agreement.lowerBound < 0.95)
        #expect(comparisons.givenUp["too_large"] == 1 && comparisons.givenUp["buffer"] == 1)
        #expect(comparisons.statuses == [StatusPair(active: 0, other: 0): 100, StatusPair(active: 0, other: 14): 1])
        #expect(comparisons.activeLatencies.counts == [101, 0, 0] && comparisons.otherLatencies.counts == [0, 101, 0])
        let paths = comparisons.paths()
        #expect(paths.map(\.path.path) == ["label", "(status)"] && paths.map(\.colors.calls) == [2, 1])
        #expect(paths.allSatisfy { !$0.isNoise && $0.compared == 100 })
        #expect(made { _ in }.agreement() == Agreement.none && made { _ in }.agreement().share == nil)
    }

    @Test("What is counted together is what is counted one by one")
    func together() throws {
        var random = SplitMix(seed: 1)
        let paths = (0..<7).map { "field_number_\($0)" }
        for size in [1, 3, 40] {
            var (one, many) = (made { _ in }, made { _ in })
            // More combinations than are remembered, and tables that grow in between.
            for batch in 0..<20 {
                let calls = (0..<size).map { number in
                    let differing = paths.prefix(1 + batch / 3).filter { _ in Bool.random(using: &random) }
                    let outcome: Outcome =
                        switch Int.random(in: 0..<8, using: &random) {
                        case 0: .equal
                        case 1: .givenUp(.tooComplex)
                        default: differing.isEmpty ? .equal : Self.differing(differing)
                        }
                    let call = Self.call(
                        "/a.B/\(Int.random(in: 0...batch / 5, using: &random))", time: batch * 1000 + number,
                        statuses: (0, Int.random(in: 0..<9, using: &random) / 8))
                    return (call: call, outcome: outcome)
                }
                for (call, outcome) in calls { one.add(outcome, of: call) }
                many.add(calls)
                let repeated = Self.differing([paths[batch % 2]])
                one.addRepeat(repeated, method: "/a.B/0")
                many.addRepeat(repeated, method: "/a.B/0")
            }
            #expect(one == many && !one.disagreements.isEmpty, "\(size)")
            // Copies count on by themselves, and nothing that is remembered goes into a saved one.
            let copy = many
            many.add(Self.differing(["new"]), of: Self.call("/a.B/0", time: 1_000_000))
            one.add(Self.differing(["new"]), of: Self.call("/a.B/0", time: 1_000_000))
            #expect(one == many && copy != many)
            #expect(try JSONDecoder().decode(Comparisons.self, from: JSONEncoder().encode(many)) == one)
        }
    }

    @Test("A call agrees if all that differs is noise, also one from before that was known")
    func noise() {
        var comparisons = made { comparisons in
            for time in 0..<10 { comparisons.add(Self.differing(["id"]), of: Self.call(time: time)) }
        }
        #expect(comparisons.agreement().agreeing == 0 && comparisons.disagreements.count == 10)
        for _ in 0..<3 { comparisons.addRepeat(Self.differing(["id"]), method: Self.method) }
        #expect(comparisons.agreement().agreeing == 10)
        comparisons.add(Self.differing(["id"]), of: Self.call(time: 20))
        comparisons.add(Self.differing(["id", "label"]), of: Self.call(time: 21))
        comparisons.add(Self.differing(["label"]), of: Self.call(time: 22))
        comparisons.add(Self.differing(["id"], isComplete: false), of: Self.call(time: 23))
        #expect(comparisons.agreement().agreeing == 11 && comparisons.agreement().compared == 14)
        #expect(comparisons.disagreements.suffix(4).map(\.time) == [9, 21, 22, 23], "noise isn't kept")
        let paths = comparisons.paths()
        #expect(paths.map(\.path.path) == ["id", "label"] && paths.map(\.isNoise) == [true, false])
        #expect(paths[0].repeats.calls == 3 && paths[0].repeated == 3)
    }

    @Test("Noise in one method excuses nothing in another")
    func methods() {
        let comparisons = made { comparisons in
            for _ in 0..<10 { comparisons.addRepeat(Self.differing(["id"]), method: "/a/B") }
            comparisons.add(Self.differing(["id"]), of: Self.call("/a/B"))
            comparisons.add(Self.differing(["id"]), of: Self.call("/a/C"))
        }
        #expect(comparisons.agreement().agreeing == 1)
    }

    @Test(
        "Equal repeated calls count: a path that differs in few of them is more than noise if it always does between the colors"
    )
    func equalRepeats() {
        let comparisons = made { comparisons in
            for _ in 0..<100 { comparisons.addRepeat(.equal, method: Self.method) }
            comparisons.addRepeat(.givenUp(.tooComplex), method: Self.method)
            for _ in 0..<2 { comparisons.addRepeat(Self.differing(["id"]), method: Self.method) }
            for _ in 0..<100 { comparisons.add(Self.differing(["id"]), of: Self.call()) }
        }
        #expect(comparisons.paths().first?.isNoise == false && comparisons.paths().first?.repeated == 102)
    }

    @Test("Numbers of paths, methods, combinations and reasons are bounded")
    func bounds() {
        let comparisons = made { comparisons in
            for number in 0..<1000 {
                comparisons.add(Self.differing(["path\(number)"]), of: Self.call())
                comparisons.add(
                    Self.differing(["path0", "path\(number % 256)", "path\(number / 256 + 100)"]), of: Self.call())
                comparisons.add(.equal, of: Self.call("/method/\(number)"))
                comparisons.add(Self.differing(["x"]), of: Self.call("/method/\(number)"))
                comparisons.addRepeat(Self.differing(["x"]), method: "/method/\(number)")
                comparisons.giveUp("reason \(number)")
            }
        }
        #expect(comparisons.paths().count == 256)
        #expect(comparisons.otherPaths.calls > 700)
        #expect(comparisons.givenUp.counts.count == 32 && comparisons.givenUp.others == 968)
        #expect(comparisons.agreement().compared == 4000 && comparisons.agreement().agreeing == 1000)
        #expect(Set(comparisons.paths().map(\.path.method)).count <= 64)
        #expect(comparisons.disagreements.count == 20)
    }

    @Test("The last disagreements are kept, with a value of each path")
    func disagreements() {
        let comparisons = made { comparisons in
            for time in 0..<30 { comparisons.add(Self.differing((0..<10).map { "p\($0)" }), of: Self.call(time: time)) }
        }
        #expect(comparisons.disagreements.map(\.time) == Array(10..<30))
        #expect(comparisons.disagreements[0].examples.count == 8 && comparisons.disagreements[0].paths == 10)
        #expect(
            comparisons.disagreements[0].examples[0].place == "p0" && comparisons.disagreements[0].method == Self.method
        )
    }

    @Test("Workers' comparisons add up to what one would have counted, in any order")
    func adding() {
        var random = SplitMix(seed: 9)
        var (whole, parts) = (made { _ in }, [made { _ in }, made { _ in }, made { _ in }])
        for time in 0..<2000 {
            let part = Int.random(in: 0..<3, using: &random)
            let change: (inout Comparisons) -> Void
            switch Int.random(in: 0..<6, using: &random) {
            case 0: change = { $0.add(Self.differing(["id"]), of: Self.call(time: time)) }
            case 1:
                let path = "p\(Int.random(in: 0..<5, using: &random))"
                change = { $0.add(Self.differing(["id", path]), of: Self.call(time: time)) }
            case 2: change = { $0.addRepeat(Self.differing(["id"]), method: Self.method) }
            case 3: change = { $0.giveUp("buffer") }
            default: change = { $0.add(.equal, of: Self.call(time: time)) }
            }
            change(&whole)
            change(&parts[part])
        }
        for order in [[0, 1, 2], [2, 0, 1]] {
            let sum = made { comparisons in for part in order { comparisons.add(parts[part]) } }
            #expect(sum.agreement() == whole.agreement() && sum.agreement().agreeing > 500)
            #expect(sum.paths() == whole.paths())
            #expect(sum.statuses == whole.statuses && sum.givenUp == whole.givenUp)
            #expect(sum.activeLatencies == whole.activeLatencies)
            #expect(sum.disagreements.last == whole.disagreements.last && sum.disagreements.count == 20)
            #expect(sum.disagreements.map(\.time) == sum.disagreements.map(\.time).sorted())
        }
    }

    @Test("What was saved is read back as it was")
    func saving() throws {
        let comparer = Comparer.make()
        let outcomes = [Double.nan, .infinity, 1e300, 0.5].map { value in
            comparer.compare(WireWriter.message { $0.double(1, -1e308) }, WireWriter.message { $0.double(1, value) })
        }
        let comparisons = made { comparisons in
            for outcome in outcomes { comparisons.add(outcome, of: Self.call()) }
            for outcome in outcomes { comparisons.addRepeat(outcome, method: Self.method) }
            comparisons.giveUp("buffer")
        }
        let read = try JSONDecoder().decode(Comparisons.self, from: JSONEncoder().encode(comparisons))
        #expect(read.agreement() == comparisons.agreement() && read.paths() == comparisons.paths())
        #expect(read.agreement().agreeing == 4)
        #expect(read.disagreements.map(\.examples.first?.other.description) == ["nan", "inf", "1e+300", "0.5"])
        #expect(read.givenUp == comparisons.givenUp && read.statuses == comparisons.statuses)
    }

    @Test("Untyped differences are counted")
    func untyped() {
        let outcome = Comparer.make(typed: false).compare(WireWriter.message { $0.int(1, 1) }, [])
        #expect(made { $0.add(outcome, of: Self.call()) }.untyped == 1)
        #expect(made { $0.add(outcome, of: Self.call()) }.disagreements.first?.isTyped == false)
    }
}

extension Agreement {
    /// That of nothing.
    fileprivate static let none = Comparisons(latencyBounds: []).agreement()
}
