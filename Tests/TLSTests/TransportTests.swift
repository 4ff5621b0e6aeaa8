import EventLoop
import Glibc
import Ground
import TLS
import Testing

/// A transport without TLS; TLSConnectionTests cover the other kind.
@Suite struct TransportTests {
    private let transport: Transport
    private let peer: Socket

    init() throws {
        var numbers: [Int32] = [-1, -1]
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        try unsafe #require(socketpair(AF_UNIX, kind, 0, &numbers) == 0)
        var size: Int32 = 16_384
        unsafe setsockopt(numbers[0], SOL_SOCKET, SO_SNDBUF, &size, socklen_t(MemoryLayout<Int32>.size))
        transport = Transport(Socket(connected: try FileDescriptor(numbers[0], "socketpair")))
        peer = Socket(connected: try FileDescriptor(numbers[1], "socketpair"))
    }

    private func write(_ bytes: [UInt8]) -> Transport.Sent {
        unsafe bytes.withUnsafeBytes { unsafe transport.write($0) }
    }

    /// The bytes that have reached the peer since the last call.
    private func received() -> [UInt8] {
        var all: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4_096)
        while case .bytes(let count) = unsafe buffer.withUnsafeMutableBytes({ unsafe peer.read(into: $0) }) {
            all += buffer[..<count]
        }
        return all
    }

    private func read(room: Int, endFollows: Bool = false) -> Transport.Arrival {
        var buffer = [UInt8](repeating: 0, count: room)
        return unsafe buffer.withUnsafeMutableBytes { unsafe transport.read(into: $0, endFollows: endFollows) }
    }

    private func isAll(_ sent: Transport.Sent) -> Bool { if case .all = sent { true } else { false } }

    @Test func needsNoHandshake() {
        #expect(transport.isSecured && transport.handshake() == .done && transport.trigger == .edge)
        #expect(transport.peerIdentity == nil && transport.failure == nil && !transport.isFlooded)
    }

    @Test func sendsAtOnceWhatTheSocketTakes() {
        let sent = write([1, 2, 3])
        #expect(isAll(sent) && !transport.hasUnsent && received() == [1, 2, 3])
    }

    /// Every byte goes out once, in order, however often the socket is full.
    @Test func keepsWhatTheSocketDoesNotTake() {
        let bytes = (0..<500_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
        var sent = write(bytes)
        var all: [UInt8] = []
        var flushes = 0
        while case .blocked(let readiness) = sent {
            #expect(readiness == [.readable, .writable] && transport.hasUnsent)
            let more = received()
            all += more
            // Without this, a transport that loses or repeats bytes would loop for ever.
            guard !more.isEmpty, all.count <= bytes.count else { break }
            sent = transport.flush()
            flushes += 1
        }
        all += received()
        #expect(isAll(sent) && flushes > 1 && !transport.hasUnsent && all == bytes)
    }

    @Test func saysWhatFollowsARead() {
        _ = unsafe [UInt8](repeating: 7, count: 10).withUnsafeBytes { unsafe peer.write($0) }
        let full = read(room: 8)
        #expect(full.transfer == .bytes(8) && full.behind == .more)
        let rest = read(room: 8, endFollows: true)
        #expect(rest.transfer == .bytes(2) && rest.behind == .end)
        let none = read(room: 8)
        #expect(none.transfer == .wouldBlock && none.behind == .unknown)
        _ = unsafe [UInt8](repeating: 7, count: 10).withUnsafeBytes { unsafe peer.write($0) }
        let part = read(room: 11)
        #expect(part.transfer == .bytes(10) && part.behind == .unknown)
    }

    /// When a read fills its buffer, the end may still follow more bytes.
    @Test func aFullReadIsNotTheEnd() {
        _ = unsafe [UInt8](repeating: 7, count: 8).withUnsafeBytes { unsafe peer.write($0) }
        #expect(read(room: 8, endFollows: true).behind == .more)
        shutdown(peer.descriptor.number, Int32(SHUT_WR))
        let end = read(room: 8, endFollows: true)
        #expect(end.transfer == .end && end.behind == .unknown)
    }

    @Test func saysWhyAWriteFails() {
        shutdown(peer.descriptor.number, Int32(SHUT_RD))
        guard case .failed(let reason) = write([1]) else {
            Issue.record("a write to nobody doesn't fail")
            return
        }
        #expect(reason == transport.reason(of: SystemError(operation: "write", code: EPIPE)) && !reason.isEmpty)
    }
}
