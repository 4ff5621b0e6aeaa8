import Glibc
import Ground
import TestSupport
import Testing

@Suite struct LogFileTests {
    private let folder = TemporaryFolder()

    /// Why a path can't be used; `nil` if it can.
    private func refusal(_ path: String, canRead: Bool = false) -> LogFile.OpenError? {
        do throws(LogFile.OpenError) {
            _ = try LogFile(path: path, canRead: canRead)
            return nil
        } catch {
            return error
        }
    }

    @Test func appendsToWhatIsThere() throws {
        folder.write("log", "one\n")
        let log = try LogFile(path: folder.file("log"))
        try writeAll(Array("two\n".utf8), to: log.descriptor.number)
        #expect(folder.text("log") == "one\ntwo\n")
        #expect(fcntl(log.descriptor.number, F_GETFL) & O_NONBLOCK == 0, "lines are written whole")
        #expect(fcntl(log.descriptor.number, F_GETFD) & FD_CLOEXEC != 0)
    }

    @Test func isMadeAndFollowsLinks() throws {
        unsafe #expect(symlink(folder.file("log"), folder.file("link")) == 0)
        #expect(refusal(folder.file("link"), canRead: true) == nil)
        #expect(folder.names == ["link", "log"])
    }

    /// Opening it would wait for a reader.
    @Test(arguments: [false, true]) func aPipeIsRefused(canRead: Bool) {
        let path = folder.file("pipe")
        unsafe #expect(mkfifo(path, 0o600) == 0)
        #expect(refusal(path, canRead: canRead) == .notAFile)
        #expect(!LogFile.isAllowed(path: path))
    }

    @Test func aDeviceIsRefused() {
        // Every process may open this one, and writing to it may wait.
        #expect(refusal("/dev/ptmx") == .notAFile)
        #expect(!LogFile.isAllowed(path: "/dev/ptmx"))
    }

    @Test(arguments: ["/dev/null", "/dev/full"]) func aDeviceInMemoryIsAllowed(path: String) {
        #expect(refusal(path) == nil)
        #expect(LogFile.isAllowed(path: path))
    }

    @Test func aFolderAndAPathToNowhere() {
        #expect(refusal(folder.path)?.reason == "is a directory")
        #expect(refusal("/nowhere/log")?.reason == "no such file or directory")
        #expect(!LogFile.isAllowed(path: folder.path))
        #expect(LogFile.isAllowed(path: folder.file("not yet")))
    }
}
