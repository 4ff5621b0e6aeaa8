import Connections
import ArgumentParser
import ControlPlane
import DataPlane
import Ground
import Handover
import Proxy
import Settings
import Testing

@Suite struct ExitStatusTests {
    private let failed = SystemError(operation: "open", code: 13)

    /// The status for what a call throws; `nil` if it throws nothing.
    private func status(_ call: () throws -> Void) -> Int32? {
        do {
            try call()
            return nil
        } catch {
            return ExitStatus.of(error).rawValue
        }
    }

    @Test func aSettingThatCanNotBeUsed() {
        #expect(ExitStatus.of(SettingsErrors([SettingsError("wrong")])).rawValue == 64)
        let environment = ["SLUICE_HANDOVER": "future"]
        let inherited = status { _ = try InheritedDescriptors(environment: { environment[$0] }, processID: 1) }
        #expect(inherited == 64)
    }

    @Test func aStateFile() {
        #expect(ExitStatus.of(StateStore.Failure.unreadable(path: "s", flaw: "is torn")).rawValue == 65)
        #expect(ExitStatus.of(StateStore.Failure.inUse(path: "s", processID: nil)).rawValue == 69)
        #expect(ExitStatus.of(StateStore.Failure.file(failed)).rawValue == 74)
    }

    @Test func aLog() {
        #expect(ExitStatus.of(AuditLog.Failure(description: "full")).rawValue == 74)
        let access = status { _ = try DataPlane.idle(accessLog: .file(path: "/nowhere/access")) }
        #expect(access == 74)
    }

    @Test func anAddressAndAProcess() {
        let elsewhere = status { _ = try ListeningSocket.open(Endpoint(host: "192.0.2.1", port: 0)) }
        #expect(elsewhere == 69)
        #expect(ExitStatus.of(Predecessor.Failure()).rawValue == 69)
        #expect(ExitStatus.of(HandoverSocket.Failure.refused("busy")).rawValue == 69)
        #expect(ExitStatus.of(HandoverSocket.Failure.path("no such folder")).rawValue == 74)
    }

    @Test func anythingElse() {
        #expect(ExitStatus.of(CancellationError()).rawValue == 70)
        #expect(ExitStatus.of(failed).rawValue == 70)
    }
}
