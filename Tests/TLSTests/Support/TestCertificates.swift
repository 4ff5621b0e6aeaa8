import Foundation

/// Certificates made with openssl, in a folder that is deleted with this object.
final class TestCertificates: Sendable {
    struct Failure: Error {
        var command: [String]
    }

    let folder: URL

    /// Makes an authority: `ca.pem` and `ca.key`.
    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "tls-tests-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try openssl(
            ["req", "-x509"] + Self.newKey + ["-days", "2", "-keyout", path("ca.key"), "-out", path("ca.pem")]
                + ["-subj", "/CN=Test CA"])
    }

    deinit {
        try? FileManager.default.removeItem(at: folder)
    }

    private static let newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]

    func path(_ name: String) -> String { folder.appending(path: name).path }

    /// Signs `NAME.pem` for `NAME.key`.
    func issue(
        _ name: String, subject: String = "/CN=localhost", names: String = "DNS:localhost", days: Int = 2
    ) throws {
        try "subjectAltName=\(names)\n".write(toFile: path("\(name).ext"), atomically: true, encoding: .utf8)
        try openssl(
            ["req", "-new"] + Self.newKey + ["-keyout", path("\(name).key"), "-out", path("\(name).csr")]
                + ["-subj", subject])
        try openssl([
            "x509", "-req", "-in", path("\(name).csr"), "-CA", path("ca.pem"), "-CAkey", path("ca.key"),
            "-CAcreateserial", "-days", "\(days)", "-extfile", path("\(name).ext"), "-out", path("\(name).pem"),
        ])
    }

    private func openssl(_ arguments: [String]) throws {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["openssl"] + arguments
        process.standardError = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw Failure(command: arguments) }
    }
}
