import Foundation
import TLS
import Testing

@Suite struct FileFingerprintTests {
    private func withFolder(_ body: (URL) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "fingerprint-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try body(folder)
    }

    @Test func changesWithTheFile() throws {
        try withFolder { folder in
            let path = folder.appending(path: "a").path
            #expect(FileFingerprint(path: path) == nil)
            try "one".write(toFile: path, atomically: true, encoding: .utf8)
            let first = FileFingerprint(path: path)
            #expect(first != nil && first == FileFingerprint(path: path))
            try "two".write(toFile: path, atomically: true, encoding: .utf8)
            #expect(FileFingerprint(path: path) != first)
        }
    }

    @Test func followsLinks() throws {
        try withFolder { folder in
            let link = folder.appending(path: "link").path
            for name in ["a", "b"] {
                try name.write(toFile: folder.appending(path: name).path, atomically: true, encoding: .utf8)
            }
            try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "a")
            let first = FileFingerprint(path: link)
            try FileManager.default.removeItem(atPath: link)
            try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "b")
            #expect(FileFingerprint(path: link) != first)
        }
    }
}
