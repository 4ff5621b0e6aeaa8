import Glibc
import Ground
import Testing

@Suite struct FileDescriptorTests {
    /// Both ends of a pipe.
    private func makePipe() throws -> (reading: FileDescriptor, writing: FileDescriptor) {
        var numbers: [Int32] = [-1, -1]
        try unsafe #require(pipe(&numbers) == 0)
        return (try FileDescriptor(numbers[0], "pipe"), try FileDescriptor(numbers[1], "pipe"))
    }

    @Test func namesTheCallThatFailed() {
        #expect(throws: SystemError(operation: "open /nowhere", code: ENOENT)) {
            try unsafe FileDescriptor(open("/nowhere", O_RDONLY), "open /nowhere")
        }
    }

    @Test func closesWithItsLastOwner() throws {
        let (reading, writing) = try makePipe()
        let copy = try writing.duplicate()
        #expect(fcntl(copy.number, F_GETFD) & FD_CLOEXEC != 0)
        withExtendedLifetime(consume writing) {}
        try writeAll(Array("still open".utf8), to: copy.number)
        withExtendedLifetime(consume copy) {}
        _ = fcntl(reading.number, F_SETFL, O_NONBLOCK)
        var bytes = [UInt8](repeating: 0, count: 16)
        unsafe #expect(read(reading.number, &bytes, 16) == 10)
        // The end of the pipe: its writing end is closed.
        unsafe #expect(read(reading.number, &bytes, 16) == 0)
        withExtendedLifetime(reading) {}
    }

    @Test func writesAllThatDoesNotFitAtOnce() async throws {
        let (reading, writing) = try makePipe()
        let bytes = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 / 7) }
        let writer = Task.detached { try writeAll(bytes, to: writing.number) }
        var got: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while got.count < bytes.count {
            let count = unsafe read(reading.number, &buffer, buffer.count)
            try #require(count > 0)
            got += buffer[..<count]
        }
        #expect(got == bytes)
        try await writer.value
    }

    @Test func aPartialWriteIsAnError() throws {
        let (reading, writing) = try makePipe()
        _ = fcntl(writing.number, F_SETFL, O_NONBLOCK)
        #expect(throws: SystemError(operation: "write", code: EAGAIN)) {
            try writeAll([UInt8](repeating: 1, count: 1_000_000), to: writing.number)
        }
        withExtendedLifetime(reading) {}
    }

    @Test func writesAtAPosition() throws {
        let file = try unsafe #require(tmpfile())
        defer { unsafe fclose(file) }
        try unsafe writeAll(Array("one two".utf8), to: fileno(file))
        try unsafe writeAll(Array("TWO".utf8), to: fileno(file), at: 4)
        var bytes = [UInt8](repeating: 0, count: 16)
        unsafe #expect(pread(fileno(file), &bytes, 16, 0) == 7)
        #expect(String(decoding: bytes[..<7], as: UTF8.self) == "one TWO")
    }

    @Test func failingToWriteIsAnError() throws {
        let full = try unsafe FileDescriptor(open("/dev/full", O_WRONLY), "open")
        #expect(throws: SystemError(operation: "write", code: ENOSPC)) { try writeAll([1], to: full.number) }
        try writeAll([], to: full.number)
    }
}
