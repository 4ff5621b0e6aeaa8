import Ground
import Logging
import ServiceLifecycle
import Synchronization
import TLS

/// Certificate files, and what to do when they have changed.
package struct ReloadableCertificate: Sendable {
    /// Reads the files and puts them in force, or throws and changes nothing.
    ///
    /// - Returns: when the first certificate expires, in seconds since 1970; `nil` if there are only authorities.
    package typealias Load = @Sendable () throws -> Int64?

    var use: CertificateStatus.Use
    /// When the certificate in force at the start expires.
    var expiry: Int64?
    var files: [String]
    var load: Load

    package init(use: CertificateStatus.Use, expiry: Int64?, files: [String], load: @escaping Load) {
        self.use = use
        self.expiry = expiry
        self.files = files
        self.load = load
    }
}

/// Reloads certificates when their files have changed or a reload is requested. Existing connections keep the old
/// certificates; files that can't be used change nothing and are reported.
package final class CertificateReload: Service {
    private struct Entry {
        var certificate: ReloadableCertificate
        var changes: ChangeDetector<[FileFingerprint?]>
        var status: CertificateStatus
    }

    /// The interval between two looks at the files. A change is acted upon once the files have stayed the same for that
    /// long.
    package static let interval = Duration.seconds(1)

    private let logger: Logger
    private let entries: Mutex<[Entry]>

    /// - Parameter certificates: the certificates in force.
    package init(_ certificates: [ReloadableCertificate], logger: Logger) {
        self.logger = logger
        entries = Mutex(
            certificates.map { certificate in
                Entry(
                    certificate: certificate, changes: ChangeDetector(known: Self.fingerprints(certificate)),
                    status: CertificateStatus(use: certificate.use, expiry: certificate.expiry))
            })
    }

    /// The certificates as `/metrics` reports them. Any thread may ask.
    package var statuses: [CertificateStatus] { entries.withLock { $0.map(\.status) } }

    /// Reads all files again, whether they have changed or not. Any thread may call it.
    package func reload() {
        entries.withLock { entries in
            for index in entries.indices { reload(&entries[index]) }
        }
    }

    package func run() async throws {
        guard !statuses.isEmpty else {
            // Cancelled instead where other services take longer than the grace, which is no failure.
            try? await gracefulShutdown()
            return
        }
        for status in statuses {
            guard let expiry = status.expiry else { continue }
            logger.info("certificate", metadata: ["use": "\(status.use)", "expires": "\(Self.time(expiry))"])
        }
        await cancelWhenGracefulShutdown { [self] in
            while (try? await Task.sleep(for: Self.interval)) != nil { look() }
        }
    }

    /// Rereads the files that have changed.
    package func look() {
        entries.withLock { entries in
            for index in entries.indices
            where entries[index].changes.look(at: Self.fingerprints(entries[index].certificate)) {
                reload(&entries[index])
            }
        }
    }

    private func reload(_ entry: inout Entry) {
        let certificate = entry.certificate
        // Fingerprints are taken first: a change while the files are read is then found by the next look.
        entry.changes.take(Self.fingerprints(certificate))
        var metadata: Logger.Metadata = [
            "use": "\(certificate.use)", "files": .array(certificate.files.map { .string($0) }),
        ]
        do {
            entry.status.expiry = try certificate.load()
            entry.status.reloads += 1
            if let expiry = entry.status.expiry { metadata["expires"] = "\(Self.time(expiry))" }
            logger.notice("certificates reloaded", metadata: metadata)
        } catch {
            entry.status.failedReloads += 1
            metadata["reason"] = "\(error)"
            logger.error("certificates not reloaded, those in force stay", metadata: metadata)
        }
    }

    private static func fingerprints(_ certificate: ReloadableCertificate) -> [FileFingerprint?] {
        certificate.files.map { FileFingerprint(path: $0) }
    }

    private static func time(_ seconds: Int64) -> Timestamp {
        Timestamp(milliseconds: seconds * 1000)
    }
}
