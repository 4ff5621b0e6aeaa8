import LogRecords
import Certificates
import ControlPlane
import JSONLogging
import Logging
import Proxy
import Settings
import Synchronization
import TestSupport
import Testing

@Suite struct SettingsReloadTests {
    private let bench: LiveBench
    private let certificateLoads = Counter()

    private final class Counter: Sendable {
        private let value = Mutex(0)
        var current: Int { value.withLock { $0 } }
        func add() { value.withLock { $0 += 1 } }
    }

    init() throws { bench = try LiveBench() }

    /// Reloads with what is given now.
    private func reload(
        _ read: @escaping @Sendable () throws(SettingsErrors) -> ProxySettings, times: Int = 1
    ) async throws {
        let loads = certificateLoads
        let certificate = ReloadableCertificate(use: .clients, expiry: nil, files: []) {
            loads.add()
            return nil
        }
        var reload = SettingsReload(
            settings: try settings(), read: read, parts: bench.parts,
            certificates: CertificateReload([certificate], logger: bench.records.logger), logger: bench.records.logger)
        for _ in 0..<times { await reload.reload() }
    }

    @Test func whatIsLiveIsFollowed() async throws {
        let given = try settings(["log-level": "debug"])
        try await reload { () throws(SettingsErrors) in given }
        #expect(bench.parts.threshold.level == .debug)
        let record = try #require(bench.records.all.first { $0.message == "settings reloaded" })
        #expect(record.metadata["changed"]?.contains("--log-level from info to debug") == true)
        #expect(!bench.records.messages.contains { $0.contains("ignored") })
        #expect(certificateLoads.current == 1)
    }

    @Test func whatIsNotLiveIsNamed() async throws {
        let given = try settings(["workers": "3", "drain-timeout": "9s"])
        try await reload { () throws(SettingsErrors) in given }
        let ignored = bench.records.all.filter { $0.message.contains("ignored until the next start") }
        #expect(ignored.map(\.metadata) == [["setting": "--workers", "in_force": "1", "given": "3"]])
        #expect(bench.drainTimeout == .seconds(9))
    }

    /// All or nothing; but the certificates are read again.
    @Test func settingsThatCanNotBeUsedChangeNothing() async throws {
        try await reload { () throws(SettingsErrors) in
            throw SettingsErrors([SettingsError("one thing"), SettingsError("another")])
        }
        let causes = bench.records.all.filter { $0.level == .error }.map { $0.metadata["cause"] }
        #expect(causes == ["one thing", "another"])
        #expect(bench.parts.threshold.level == .info)
        #expect(!bench.records.messages.contains("settings reloaded"))
        #expect(certificateLoads.current == 1)
    }

    /// The second one changes nothing against the first, and not against the start.
    @Test func aReloadComparesWithTheOneBefore() async throws {
        let given = try settings(["log-level": "debug"])
        try await reload({ () throws(SettingsErrors) in given }, times: 2)
        let changes = bench.records.all.filter { $0.message == "settings reloaded" }.map { $0.metadata["changed"] }
        #expect(changes.count == 2 && changes.last == "[]")
        #expect(certificateLoads.current == 2)
    }
}
