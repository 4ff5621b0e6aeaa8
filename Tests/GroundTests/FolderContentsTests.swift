import Glibc
import Ground
import TestSupport
import Testing

@Suite("The contents of a folder")
struct FolderContentsTests {
    @Test("The names are sorted, hidden ones are there, and the folder itself isn't")
    func listing() throws {
        let folder = TemporaryFolder()
        for name in ["b", "a", ".hidden", "ü"] { folder.write(name, "") }
        #expect(try names(inFolder: folder.path) == [".hidden", "a", "b", "ü"])
        let empty = TemporaryFolder()
        #expect(try names(inFolder: empty.path).isEmpty)
    }

    @Test("What isn't a folder can't be listed")
    func noFolder() {
        let folder = TemporaryFolder()
        folder.write("file", "")
        #expect(throws: SystemError(operation: "open", code: ENOTDIR)) { try names(inFolder: folder.file("file")) }
        #expect(throws: SystemError(operation: "open", code: ENOENT)) { try names(inFolder: folder.file("none")) }
    }

    @Test("A link is what it leads to")
    func kinds() throws {
        let folder = TemporaryFolder()
        folder.write("file", "")
        folder.adopt(TemporaryFolder(), as: "folder")
        folder.link("link", to: "folder")
        folder.link("lost", to: "none")
        #expect(try FileKind(at: folder.file("file")) == .file)
        #expect(try FileKind(at: folder.file("folder")) == .folder)
        #expect(try FileKind(at: folder.file("link")) == .folder)
        #expect(try FileKind(at: "/dev/null") == .other)
        #expect(throws: SystemError(operation: "stat", code: ENOENT)) { try FileKind(at: folder.file("lost")) }
    }
}
