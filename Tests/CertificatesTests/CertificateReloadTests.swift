import Certificates
import LogRecords
import Logging
import Synchronization
import TestSupport
import Testing

@Suite struct CertificateReloadTests {
    private struct Refused: Error {}

    /// The files' use, which a test has fail when it likes.
    private final class Loads: Sendable {
        private let state = Mutex((count: 0, fails: false))

        var count: Int { state.withLock { $0.count } }

        func fail() { state.withLock { $0.fails = true } }

        func load() throws -> Int64? {
            try state.withLock { state in
                if state.fails { throw Refused() }
                state.count += 1
                return Int64(100 + state.count)
            }
        }
    }

    private let folder = TemporaryFolder()
    private let loads = Loads()
    private let records = LogRecords()
    private let reload: CertificateReload

    init() {
        folder.write("cert", "one")
        folder.write("key", "one")
        reload = CertificateReload(
            [
                ReloadableCertificate(
                    use: .clients, expiry: 100, files: [folder.file("cert"), folder.file("key")]
                ) { [loads] in try loads.load() }
            ], logger: records.logger)
    }

    @Test func filesThatStayAreNotReadAgain() {
        for _ in 0..<5 { reload.look() }
        #expect(loads.count == 0)
        #expect(reload.statuses == [CertificateStatus(use: .clients, expiry: 100)])
    }

    /// A certificate and its key are written one after the other.
    @Test func filesAreReadOnceTheyHaveSettled() {
        folder.write("cert", "number two")
        reload.look()
        #expect(loads.count == 0)
        folder.write("key", "number two")
        reload.look()
        #expect(loads.count == 0, "they have changed again since the last look")
        for _ in 0..<3 { reload.look() }
        #expect(loads.count == 1)
        #expect(reload.statuses.first?.expiry == 101)
        #expect(reload.statuses.first?.reloads == 1)
        #expect(records.messages.contains("certificates reloaded"))
    }

    @Test func filesThatCanNotBeUsedChangeNothingAndAreReported() {
        loads.fail()
        folder.write("cert", "number two")
        for _ in 0..<5 { reload.look() }
        #expect(reload.statuses.first?.expiry == 100)
        #expect(reload.statuses.first?.reloads == 0)
        #expect(reload.statuses.first?.failedReloads == 1, "once, until they change again")
        #expect(records.all.last?.level == .error)
        #expect(records.all.last?.metadata["reason"]?.contains("Refused") == true)
    }

    @Test func aRequestReadsThemWhetherTheyHaveChangedOrNot() {
        reload.reload()
        #expect(loads.count == 1)
        folder.write("cert", "number two")
        reload.reload()
        #expect(loads.count == 2)
        for _ in 0..<3 { reload.look() }
        #expect(loads.count == 2, "what a request has read is known")
    }
}
