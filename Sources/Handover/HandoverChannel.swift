import CLinux
import ControlPlane
import Dispatch
import EventLoop
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// One end of the line between a process and the one that takes over from it: messages in JSON, each whole or not at all,
/// and of any size up to a bound.
///
/// A message that can't be sent is an error, never a trap: the process that says it serves others. The line outlives the process it was made by: whoever takes over from the successor gets the successor's end. Any
/// thread may use it.
package final class HandoverChannel: Sendable {
    /// Why a message was not sent. Its description is one sentence.
    package struct Failure: Error, Equatable, CustomStringConvertible {
        package var description: String

        package init(description: String) {
            self.description = description
        }
    }

    /// What comes in, until the other process is gone or `close()`.
    package let messages: AsyncStream<[UInt8]>

    package let descriptor: FileDescriptor
    private let continuation: AsyncStream<[UInt8]>.Continuation
    private let source: DispatchSource
    private let isListening = Mutex(false)

    /// Numbers messages that go in pieces.
    private let lastNumber = Atomic<UInt32>(0)

    /// Far below what a socket's buffer takes.
    package static let largestPacket = 32 * 1024
    /// Far above what a message has: of the health of 10,000 endpoints, with a reason for each, 16 MiB.
    package static let largestMessage = 64 << 20
    /// The first version of these messages sent each in one packet, of up to this size.
    private static let largestPacketEver = 192 * 1024
    private static let queue = DispatchQueue(label: "sluice.handover")

    /// - Parameter descriptor: a socket of `pair()`. Nothing is read from it before `listen()`.
    package init(_ descriptor: FileDescriptor) {
        self.descriptor = descriptor
        (messages, continuation) = AsyncStream.makeStream(of: [UInt8].self)
        // What the function returns is a DispatchSource, whatever the protocol it says so by.
        source = DispatchSource.makeReadSource(fileDescriptor: descriptor.number, queue: Self.queue) as! DispatchSource
        let pieces = Mutex(MessagePieces(largestMessage: Self.largestMessage))
        source.setEventHandler { [descriptor, continuation, weak source] in
            while let packet = Self.receive(descriptor) {
                // An empty packet is how the system tells that the other end is closed.
                if packet.isEmpty {
                    continuation.finish()
                    source?.cancel()
                    return
                }
                if let message = pieces.withLock({ $0.take(packet) }) { continuation.yield(message) }
            }
        }
        // The descriptor must stay open until the source has let go of it.
        source.setCancelHandler { [descriptor] in withExtendedLifetime(descriptor) {} }
    }

    deinit {
        // A source that is suspended must not be let go of.
        listen()
        source.cancel()
    }

    /// Makes both ends of a line.
    package static func pair() throws(SystemError) -> (FileDescriptor, FileDescriptor) {
        var numbers: [Int32] = [-1, -1]
        guard clinux_message_pair(&numbers) == 0 else { throw SystemError(operation: "socketpair", code: errno) }
        return (try FileDescriptor(numbers[0], "socketpair"), try FileDescriptor(numbers[1], "socketpair"))
    }

    /// Takes in what comes from now on.
    package func listen() {
        isListening.withLock { isListening in
            if !isListening { source.resume() }
            isListening = true
        }
    }

    /// Leaves what comes from now on to another process that has this end, too.
    package func leave() {
        isListening.withLock { isListening in
            if isListening { source.suspend() }
            isListening = false
        }
        // What is being read at this moment is still ours.
        Self.queue.sync {}
    }

    /// Takes in nothing more, whatever the other process does.
    package func close() {
        continuation.finish()
        source.cancel()
    }

    /// Sends a short message; to a process that is gone nothing is sent.
    ///
    /// - Throws: where the other process doesn't read, so that there is no room for it; nothing of it is sent then.
    package func send(_ message: some Encodable) throws(Failure) {
        let bytes = try Self.encoded(message)
        guard bytes.count <= Self.largestPacket else {
            throw Failure(description: "a message of \(bytes.count) bytes is too long to be sent at once")
        }
        guard try transmit(bytes) else { throw Failure(description: "the other process doesn't read") }
    }

    /// Sends a message of any size up to `largestMessage`, waiting for the other process to read where there is no room; to
    /// a process that is gone nothing is sent.
    ///
    /// - Parameters:
    ///   - inPieces: whether the other process puts pieces together; otherwise no message may be longer than a packet of the
    ///     first version.
    ///   - limit: how long it may take.
    package func deliver(_ message: some Encodable, inPieces: Bool = true, within limit: Duration) async throws(Failure)
    {
        let bytes = try Self.encoded(message)
        guard bytes.count <= (inPieces ? Self.largestMessage : Self.largestPacketEver) else {
            throw Failure(
                description: inPieces
                    ? "a message of \(bytes.count) bytes is too long to be sent"
                    : "a message of \(bytes.count) bytes is too long for an earlier version of the handover")
        }
        let deadline = ContinuousClock.now + limit
        let number = lastNumber.add(1, ordering: .relaxed).newValue
        let size = inPieces ? Self.largestPacket : Self.largestPacketEver
        for packet in MessagePieces.packets(of: bytes, number: number, size: size) {
            while try !transmit(packet) {
                guard ContinuousClock.now < deadline, !Task.isCancelled else {
                    throw Failure(description: "the other process doesn't read")
                }
                try? await Task.sleep(for: .milliseconds(2))
            }
        }
    }

    private static func encoded(_ message: some Encodable) throws(Failure) -> [UInt8] {
        do {
            return try JSONCoding.line(message)
        } catch {
            throw Failure(description: "a message can't be written: \(error)")
        }
    }

    /// - Returns: whether there was room for it.
    private func transmit(_ packet: [UInt8]) throws(Failure) -> Bool {
        let count = packet.withUnsafeBytes { buffer in
            retrying {
                Int32(clamping: Glibc.send(descriptor.number, buffer.baseAddress, buffer.count, Int32(MSG_NOSIGNAL)))
            }
        }
        guard count < 0 else { return true }
        switch errno {
        case EAGAIN, ENOBUFS: return false
        case EPIPE, ECONNRESET, ENOTCONN: return true
        case let code:
            throw Failure(
                description: "a message can't be sent: \(SystemError(operation: "send", code: code).reason)")
        }
    }

    /// - Returns: the next packet; `nil` where none waits.
    private static func receive(_ descriptor: FileDescriptor) -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: largestPacketEver)
        let count = retrying { Int32(clamping: recv(descriptor.number, &buffer, largestPacketEver, 0)) }
        if count < 0 && errno == EAGAIN { return nil }
        // A line that has failed has nobody at its other end, either.
        return Array(buffer.prefix(max(0, Int(count))))
    }
}
