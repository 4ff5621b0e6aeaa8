import Handover
import Proxy
import Settings
import Testing

@Suite struct RestartTurnTests {
    private let turn = RestartTurn()

    /// Why the turn can't be had; `nil` if it has been taken.
    private func refusal() -> String? {
        do {
            try turn.begin()
            return nil
        } catch {
            return "\(error)"
        }
    }

    @Test func oneAtATime() {
        #expect(refusal() == nil)
        #expect(refusal() == "another restart is under way")
        turn.end(hasTakenOver: false)
        #expect(refusal() == nil)
    }

    @Test func noneOnceAProcessHasTakenOver() {
        #expect(refusal() == nil)
        turn.end(hasTakenOver: true)
        #expect(refusal() == "another process has taken over already")
        #expect(refusal() == "another process has taken over already")
    }

    /// The settings refuse what no socket could be made with.
    @Test func theLongestPathOfASetting() throws {
        let longest = "/" + String(repeating: "x", count: HandoverSocket.longestPath - 1)
        func read(_ path: String) throws -> String? {
            try ProxySettings(flags: [:], environment: ["SLUICE_HANDOVER_SOCKET": path], file: nil, cores: 1)
                .handoverSocket
        }
        #expect(try read(longest) == longest)
        #expect(throws: SettingsErrors.self) { try read(longest + "x") }
    }
}
