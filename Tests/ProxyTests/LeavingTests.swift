import DataPlane
import Proxy
import Testing

@Suite struct LeavingTests {
    /// A time that no test waits for.
    private static let long = Duration.seconds(3600)

    private func leaving(shutdown: Duration, restart: Duration? = nil) -> Leaving {
        Leaving(grace: Leaving.Grace(shutdown: shutdown, restart: restart))
    }

    /// Whether calls have had their time before a minute has passed.
    private func ends(_ leaving: Leaving) async -> Bool {
        await withTaskGroup(of: Bool.self) { group in
            group.addTask {
                await leaving.timeIsUp()
                return !Task.isCancelled
            }
            group.addTask {
                try? await Task.sleep(for: .seconds(60))
                return false
            }
            defer { group.cancelAll() }
            return await group.next() ?? false
        }
    }

    @Test func anEndGivesTheGraceOfAShutdown() async {
        let leaving = leaving(shutdown: .milliseconds(20), restart: Self.long)
        #expect(leaving.ending == .last)
        #expect(leaving.graceText == "20ms")
        #expect(await ends(leaving))
    }

    @Test func aProcessTakenOverFromGivesTheGraceOfARestart() async {
        let leaving = leaving(shutdown: Self.long, restart: .milliseconds(20))
        leaving.succeed()
        #expect(leaving.ending == .succeeded)
        #expect(leaving.graceText == "20ms")
        #expect(await ends(leaving))
    }

    @Test func withoutAGraceOfARestartCallsHaveAnyTime() async throws {
        let leaving = leaving(shutdown: .zero)
        leaving.succeed()
        #expect(leaving.graceText == "off")
        let waiting = Task {
            await leaving.timeIsUp()
            return Task.isCancelled
        }
        try await Task.sleep(for: .milliseconds(50))
        waiting.cancel()
        #expect(await waiting.value, "only the cancellation ended it")
    }

    @Test func aHurryGivesTheGraceOfAShutdown() async {
        let leaving = leaving(shutdown: .milliseconds(20))
        leaving.succeed()
        async let hasEnded = ends(leaving)
        leaving.hurry()
        #expect(await hasEnded)
    }

    /// An end that comes while another process is about to take over is settled the moment it counts.
    @Test(arguments: [true, false]) func anEndDuringARestartIsSettled(hasTakenOver: Bool) {
        let leaving = leaving(shutdown: Self.long)
        leaving.settle(by: { hasTakenOver })
        #expect(leaving.ending == (hasTakenOver ? .succeeded : .last))
        leaving.settle(by: nil)
        #expect(leaving.ending == .last)
    }

    @Test func theGraceIsReadWhenItIsNeeded() async {
        let leaving = leaving(shutdown: Self.long)
        leaving.grace.current = Leaving.Grace(shutdown: .zero, restart: nil)
        #expect(await ends(leaving))
    }
}
