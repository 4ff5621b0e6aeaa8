import Glibc
import Ground
import Testing

import Handover

@Suite struct DescriptorPacketTests {
    private let sender: FileDescriptor
    private let receiver: FileDescriptor

    init() throws {
        (sender, receiver) = try HandoverChannel.pair()
    }

    /// A pipe's end for writing is passed on; what is written at it comes out of the other end.
    private func pipe() throws -> (read: FileDescriptor, write: FileDescriptor) {
        var ends: [Int32] = [-1, -1]
        try #require(unsafe Glibc.pipe(&ends) == 0)
        return (try FileDescriptor(ends[0], "pipe"), try FileDescriptor(ends[1], "pipe"))
    }

    /// Whether nobody has the pipe's other end open any more.
    private func isClosed(_ reading: FileDescriptor) -> Bool {
        var end = pollfd(fd: reading.number, events: 0, revents: 0)
        return unsafe poll(&end, 1, 0) == 1 && Int32(end.revents) & POLLHUP != 0
    }

    @Test func carriesDescriptorsInOrder() throws {
        let pipes = try (0..<3).map { _ in try pipe() }
        try DescriptorPacket(bytes: Array("names".utf8), descriptors: pipes.map(\.write)).send(over: sender)
        let packet = try #require(try DescriptorPacket.receive(from: receiver, size: 100))
        #expect(packet.bytes == Array("names".utf8))
        #expect(packet.descriptors.count == 3)
        for (index, (descriptor, pipe)) in zip(packet.descriptors, pipes).enumerated() {
            #expect(fcntl(descriptor.number, F_GETFD) & FD_CLOEXEC != 0)
            try writeAll([UInt8(index)], to: descriptor.number)
            var byte: UInt8 = 99
            #expect(unsafe read(pipe.read.number, &byte, 1) == 1)
            #expect(byte == index)
        }
    }

    @Test func nothingThere() throws {
        #expect(try DescriptorPacket.receive(from: receiver, size: 100) == nil)
        shutdown(sender.number, Int32(SHUT_RDWR))
        let end = try #require(try DescriptorPacket.receive(from: receiver, size: 100))
        #expect(end.bytes.isEmpty && end.descriptors.isEmpty)
    }

    /// What doesn't fit is an error, and the descriptors that came with it are closed.
    @Test func aPacketThatIsTooLong() throws {
        let (reading, writing) = try pipe()
        try DescriptorPacket(bytes: [1, 2, 3], descriptors: [consume writing]).send(over: sender)
        #expect(!isClosed(reading), "it is on its way")
        #expect(throws: SystemError(operation: "receive", code: EMSGSIZE)) {
            try DescriptorPacket.receive(from: receiver, size: 2)
        }
        #expect(isClosed(reading))
    }

    @Test func asManyAsThereMayBe() throws {
        let (_, writing) = try pipe()
        let most = [FileDescriptor](repeating: writing, count: DescriptorPacket.mostDescriptors)
        try DescriptorPacket(bytes: [1], descriptors: most).send(over: sender)
        let count = try DescriptorPacket.receive(from: receiver, size: 1)?.descriptors.count
        #expect(count == most.count)
        #expect(throws: SystemError(operation: "send", code: EMSGSIZE)) {
            try DescriptorPacket(bytes: [1], descriptors: most + [writing]).send(over: sender)
        }
    }
}
