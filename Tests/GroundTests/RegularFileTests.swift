import Foundation
import Ground
import Testing

@Suite struct RegularFileTests {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "regular-\(UUID())")

    init() throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    private func path(_ name: String) -> String { folder.appending(path: name).path }

    private func flaw(_ path: String) -> RegularFile.OpenError? {
        do {
            _ = try RegularFile(path: path)
            return nil
        } catch {
            return error
        }
    }

    @Test func hasTheSizeOfTheFile() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        try Data("twelve bytes".utf8).write(to: folder.appending(path: "file"))
        #expect(try RegularFile(path: path("file")).size == 12)
    }

    @Test func saysWhyAFileCanNotBeOpened() {
        defer { try? FileManager.default.removeItem(at: folder) }
        #expect(flaw(path("missing")) == .system(SystemError(operation: "open", code: ENOENT)))
        #expect(flaw(path("missing"))?.reason == "no such file or directory")
    }

    /// Opening a pipe without a writer would block.
    @Test func refusesAnythingButRegularFiles() {
        defer { try? FileManager.default.removeItem(at: folder) }
        let made = unsafe mkfifo(path("pipe"), 0o600)
        #expect(made == 0)
        #expect(flaw(path("pipe")) == .notRegular)
        #expect(flaw(folder.path) == .notRegular)
        #expect(flaw("/dev/zero") == .notRegular)
    }
}
