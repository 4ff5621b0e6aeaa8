import ControlPlane
import DataPlane
import Ground
import Synchronization
import Testing
import TestSupport

@Suite struct StateSaverTests {
    private let folder = TemporaryFolder()

    private func saver() throws -> StateSaver { StateSaver(try StateStore(path: folder.file("state.json"))) }

    /// The state after so many changes.
    private func state(_ changes: Int) -> SwitchState {
        var state = SwitchState(initial: .blue, at: Timestamp(milliseconds: 1))
        for _ in 0..<changes {
            state = state.adding(
                Change(
                    epoch: state.epoch + 1, action: .switch, from: state.active, to: state.active.other,
                    at: Timestamp(milliseconds: 2), who: "someone"))
        }
        return state
    }

    @Test func savesLater() async throws {
        let saver = try saver()
        let answers = Mutex(0)
        saver.saveLater(state(1)) { result in
            if case .success = result { answers.withLock { $0 += 1 } }
        }
        #expect(await eventually { answers.withLock { $0 } == 1 })
        #expect(try saver.store.load() == state(1))
    }

    /// Whoever comes when: the file has the newest in the end.
    @Test func theNewestWins() async throws {
        let saver = try saver()
        for round in 0..<50 {
            saver.saveLater(state(2 * round + 1)) { _ in }
            if round % 3 == 0 { try saver.save(state(2 * round + 2)) }
        }
        try saver.save(state(101))
        saver.finish()
        #expect(try saver.store.load() == state(101))
        saver.saveLater(state(102)) { _ in }
        #expect(await eventually { (try? saver.store.load()) == self.state(102) })
    }

    @Test func tellsWhatCameOfIt() async throws {
        let saver = try saver()
        try saver.save(state(1))
        // Nothing can be saved where the temporary file is a folder.
        folder.adopt(TemporaryFolder(), as: "state.json.tmp")
        let failed = Mutex(false)
        saver.saveLater(state(2)) { result in
            if case .failure = result { failed.withLock { $0 = true } }
        }
        #expect(await eventually { failed.withLock { $0 } })
        #expect(throws: (any Error).self) { try saver.save(self.state(3)) }
        #expect(try saver.store.load() == state(1))
    }
}
