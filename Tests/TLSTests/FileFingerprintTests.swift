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

    /// The answers of a detector that has seen 1 to a series of looks.
    private func looks(at values: [Int]) -> [Bool] {
        var detector = ChangeDetector(known: 1)
        return values.map { detector.look(at: $0) }
    }

    @Test func waitsUntilAChangeHasSettled() {
        #expect(looks(at: [1, 2, 3, 3, 3]) == [false, false, false, true, false])
        // A value that is seen once and then changes back is no change.
        #expect(looks(at: [2, 1, 1, 2, 2, 1, 1]) == [false, false, false, false, true, false, true])
    }

    @Test func doesNotReportAValueThatWasTakenDirectly() {
        var detector = ChangeDetector(known: 1)
        var acted = detector.look(at: 2)
        detector.take(2)
        acted = detector.look(at: 2) || acted
        acted = detector.look(at: 2) || acted
        #expect(!acted)
    }
}
