import Comparison
import ControlPlane
import DataPlane
import Ground
import Testing
import TestSupport

@Suite struct ShadowComparerTests {
    private static let method = "/model.Service/Predict"

    private func answer(_ message: [UInt8], status: Int = 0, encoding: String? = nil) -> CopiedCall.Answer {
        let length = UInt32(message.count)
        let prefix = [0, UInt8(length >> 24), UInt8(length >> 16 & 255), UInt8(length >> 8 & 255), UInt8(length & 255)]
        return CopiedCall.Answer(status: status, encoding: encoding, body: prefix + message, nanoseconds: 1_000_000)
    }

    private func call(
        _ active: [UInt8], _ other: [UInt8], epoch: UInt64 = 2, source: CopiedCall.Source = .otherColor
    ) -> CopyOutcome {
        .differed([
            CopiedCall(
                epoch: epoch, method: Self.method, source: source, active: answer(active), other: answer(other))
        ])
    }

    private func comparer(earlier: Comparisons? = nil) throws -> ShadowComparer {
        let comparer = try ShadowComparer(now: { Timestamp(milliseconds: 5) })
        comparer.begin(
            ShadowComparer.Step(epoch: 2, settings: ComparisonSettings(), earlier: earlier), Descriptors())
        return comparer
    }

    /// What was found once that many calls have been compared.
    private func found(_ comparer: ShadowComparer, compared: Int) async throws -> Comparisons {
        #expect(await eventually { comparer.comparisons(of: 2)?.agreement().compared ?? 0 >= compared })
        return try #require(comparer.comparisons(of: 2))
    }

    @Test func comparesBothAnswers() async throws {
        let comparer = try comparer()
        comparer.take([call([8, 1], [8, 1]), call([8, 1], [8, 2]), call([8, 1], [8, 1])])
        let found = try await found(comparer, compared: 3)
        #expect(found.agreement().agreeing == 2 && found.statuses == [StatusPair(active: 0, other: 0): 3])
        #expect(found.disagreements.map(\.time) == [5] && found.paths().map(\.path.path) == ["1"])
        #expect(found.activeLatencies.count == 3 && found.otherLatencies.sum == 3_000_000)
    }

    @Test func countsEqualAnswers() async throws {
        func agreed(_ times: Int, epoch: UInt64 = 2, source: CopiedCall.Source = .otherColor) -> CopyOutcome {
            .agreed(
                AgreedCalls(
                    epoch: epoch, method: Self.method, source: source, status: 0,
                    times: Array(repeating: AgreedCalls.Times(active: 1_000, other: 3_000), count: times)))
        }
        let comparer = try comparer()
        comparer.take([agreed(9, epoch: 1), agreed(7, source: .sameColor), call([8, 1], [8, 2]), agreed(5)])
        let found = try await found(comparer, compared: 6)
        #expect(found.agreement().agreeing == 5 && found.statuses == [StatusPair(active: 0, other: 0): 6])
        #expect(found.activeLatencies.count == 6 && found.otherLatencies.sum == 1_015_000)
        #expect(found.paths().first?.repeated == 7)
    }

    @Test func passesOverOtherEpochs() async throws {
        let comparer = try comparer()
        comparer.take([call([1], [2], epoch: 1), call([], [], epoch: 3), .givenUp(.late, count: 1, epoch: 1)])
        comparer.take([call([8, 1], [8, 1]), .givenUp(.late, count: 1, epoch: 2)])
        let found = try await found(comparer, compared: 1)
        #expect(found.agreement().compared == 1 && found.givenUp.counts == ["late": 1])
        #expect(comparer.comparisons(of: 1) == nil)
        comparer.end()
        #expect(comparer.comparisons(of: 2) == nil)
    }

    @Test func catchesUp() async throws {
        let comparer = try comparer()
        for _ in 0..<50 { comparer.take([call([8, 1], [8, 2])]) }
        await comparer.catchUp(within: .seconds(30))
        #expect(comparer.comparisons(of: 2)?.agreement().compared == 50)
    }

    @Test func learnsWhatDiffersByItself() async throws {
        let comparer = try comparer()
        for number in UInt8(1)..<60 {
            comparer.take([
                call([8, number], [8, number &+ 1]), call([8, number], [8, number &+ 2], source: .sameColor),
            ])
        }
        #expect(await eventually { comparer.comparisons(of: 2)?.paths().first?.repeated == 59 })
        let found = try await found(comparer, compared: 59)
        #expect(found.agreement().agreeing == 59 && found.paths().first?.isNoise == true)
    }

    @Test func goesOnWithWhatWasFoundBefore() async throws {
        let first = try comparer()
        first.take([call([8, 1], [8, 2])])
        let earlier = try await found(first, compared: 1)
        // As it is kept in the state file.
        let kept = try JSONCoding.decode(Comparisons.self, from: JSONCoding.line(earlier))
        #expect(kept == earlier)
        let second = try comparer(earlier: kept)
        second.take([call([8, 1], [8, 1])])
        #expect(try await found(second, compared: 2).agreement().agreeing == 1)
    }
}
