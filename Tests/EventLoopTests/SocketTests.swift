import EventLoop
import Glibc
import Ground
import Testing

@Suite struct SocketTests {
    private func option(_ name: Int32, of socket: Socket) -> Int32 {
        var value: Int32 = -1
        var length = socklen_t(MemoryLayout<Int32>.size)
        unsafe getsockopt(socket.descriptor.number, Int32(IPPROTO_TCP), name, &value, &length)
        return value
    }

    private func connect() throws -> (client: Socket, server: Socket) {
        let listener = try Socket.listen(on: SocketAddress(family: .ipv4, bytes: [127, 0, 0, 1], port: 0))
        listener.prepareForAccepting()
        let client = try Socket.connect(to: try #require(listener.localAddress))
        // On the loopback the handshake is over when `connect` returns.
        return (client, try #require(try listener.accept()))
    }

    @Test func acceptedConnectionsInheritTheListenersOptions() throws {
        let (client, server) = try connect()
        #expect(option(TCP_NODELAY, of: server) == 1)
        #expect(option(TCP_QUICKACK, of: server) == 0)
        #expect(option(TCP_NODELAY, of: client) == 1)
    }

    @Test func lastBytesGoWithTheEnd() throws {
        var (client, server): (Socket, Socket?) = try connect()
        let written = unsafe Array("bye".utf8).withUnsafeBytes { unsafe server?.write($0, isLast: true) }
        #expect(written == .bytes(3))
        var read: [Socket.Transfer] = []
        unsafe withUnsafeTemporaryAllocation(byteCount: 16, alignment: 1) { buffer in
            // Nothing yet: the system holds the bytes back until the end.
            unsafe read.append(client.read(into: buffer))
            // Dropping the last reference closes the descriptor.
            server = nil
            for _ in 0..<1_000_000 where read.last != .end { unsafe read.append(client.read(into: buffer)) }
        }
        #expect(read.filter { $0 != .wouldBlock } == [.bytes(3), .end])
        #expect(read.first == .wouldBlock)
    }
}
