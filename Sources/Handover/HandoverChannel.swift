import CLinux
import ControlPlane
import EventLoop
import Glibc
import Ground
import Synchronization

/// One end of the line between a process and the one that takes over from it: messages in JSON, each whole or not at all,
/// and of any size up to a bound.
///
/// A message that can't be sent is an error, never a trap: the process that says it serves others. The line outlives the
/// process it was made by: whoever takes over from the successor gets the successor's end. That is why it is made of
/// packets, which the system keeps whole: in a stream of bytes, whoever takes up the line would begin in the middle of
/// what the one before has half read. Any thread may use it.
package final class HandoverChannel: Sendable {
    /// Why a message was not sent. Its description is one sentence.
    package struct Failure: Error, Equatable, CustomStringConvertible {
        package var description: String

        package init(description: String) {
            self.description = description
        }
    }

    /// What came of trying to send a packet.
    private enum Sent {
        /// It is on its way, or there is nobody any more to send it to.
        case done
        /// The other process has to read first.
        case noRoom
        /// The system is short of memory.
        case noMemory
    }

    /// What comes in, until the other process is gone or `close()`.
    package let messages: AsyncStream<[UInt8]>

    package let descriptor: FileDescriptor
    private let continuation: AsyncStream<[UInt8]>.Continuation
    private let end: LoopConfined<HandoverEnd>
    private let mailbox: Mailbox

    /// Numbers messages that go in pieces.
    private let lastNumber = Atomic<UInt32>(0)

    /// Far below what a socket's buffer takes.
    package static let largestPacket = 32 * 1024
    /// Far above what a message has: of the health of 10,000 endpoints, with a reason for each, 16 MiB.
    package static let largestMessage = 64 << 20
    /// The first version of these messages sent each in one packet, of up to this size.
    static let largestPacketEver = 192 * 1024

    private static let silence = Failure(description: "the other process doesn't read")

    /// Starts the thread that reads, which ends with `close()` or the last owner.
    ///
    /// - Parameter descriptor: a socket of `pair()`. Nothing is read from it before `listen()`.
    package init(_ descriptor: FileDescriptor) throws(SystemError) {
        self.descriptor = descriptor
        let (messages, continuation) = AsyncStream.makeStream(of: [UInt8].self)
        (self.messages, self.continuation) = (messages, continuation)
        let loop = try EventLoop()
        let end = LoopConfined(HandoverEnd(descriptor, loop, continuation))
        self.end = end
        mailbox = loop.mailbox
        try LoopThread.start("handover") { end.value.run() }
    }

    deinit {
        close()
    }

    /// Makes both ends of a line.
    package static func pair() throws(SystemError) -> (FileDescriptor, FileDescriptor) {
        var numbers: [Int32] = [-1, -1]
        guard unsafe clinux_message_pair(&numbers) == 0 else { throw SystemError(operation: "socketpair", code: errno) }
        return (try FileDescriptor(numbers[0], "socketpair"), try FileDescriptor(numbers[1], "socketpair"))
    }

    /// Takes in what comes from now on.
    package func listen() {
        mailbox.post { [end] in end.value.listen() }
    }

    /// Leaves what comes from now on to another process that has this end, too. What is being read at this moment is still
    /// ours, and read when this returns.
    package func leave() async {
        await withCheckedContinuation { continuation in
            let accepted = mailbox.post { [end] in
                end.value.leave()
                continuation.resume()
            }
            if !accepted { continuation.resume() }
        }
    }

    /// Takes in nothing more, whatever the other process does.
    package func close() {
        continuation.finish()
        mailbox.post { [end] in end.value.close() }
    }

    /// Sends a short message; to a process that is gone nothing is sent.
    ///
    /// - Throws: where the other process doesn't read, so that there is no room for it; nothing of it is sent then.
    package func send(_ message: some Encodable) throws(Failure) {
        let bytes = try Self.encoded(message)
        guard bytes.count <= Self.largestPacket else {
            throw Failure(description: "a message of \(bytes.count) bytes is too long to be sent at once")
        }
        guard case .done = try transmit(bytes) else { throw Self.silence }
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
        let deadline = TimeSource.system.read() + limit
        let number = lastNumber.add(1, ordering: .relaxed).newValue
        let size = inPieces ? Self.largestPacket : Self.largestPacketEver
        for packet in MessagePieces.packets(of: bytes, number: number, size: size) {
            try await deliver(packet, until: deadline)
        }
    }

    private func deliver(_ packet: [UInt8], until deadline: MonotonicTime) async throws(Failure) {
        while true {
            switch try transmit(packet) {
            case .done: return
            case .noRoom: await waitForRoom(until: deadline)
            // Nothing tells when there is some again.
            case .noMemory: try? await Task.sleep(for: .milliseconds(10))
            }
            guard TimeSource.system.read() < deadline, !Task.isCancelled else { throw Self.silence }
        }
    }

    /// Returns once there may be room, the time is up or the task is cancelled.
    private func waitForRoom(until deadline: MonotonicTime) async {
        let room = OneTimeEvent()
        let accepted = mailbox.post { [end] in end.value.wait(until: deadline, forRoom: room.set) }
        if accepted { return await room.wait() }
        // Closed on this side; what is left to be said may still be read on the other.
        try? await Task.sleep(for: .milliseconds(10))
    }

    private static func encoded(_ message: some Encodable) throws(Failure) -> [UInt8] {
        do {
            return try JSONCoding.line(message)
        } catch {
            throw Failure(description: "a message can't be written: \(error)")
        }
    }

    private func transmit(_ packet: [UInt8]) throws(Failure) -> Sent {
        let count = unsafe packet.withUnsafeBytes { buffer in
            retrying {
                unsafe Int32(
                    clamping: Glibc.send(descriptor.number, buffer.baseAddress, buffer.count, Int32(MSG_NOSIGNAL)))
            }
        }
        guard count < 0 else { return .done }
        switch errno {
        case EAGAIN: return .noRoom
        case ENOBUFS: return .noMemory
        case EPIPE, ECONNRESET, ENOTCONN: return .done
        case let code:
            throw Failure(
                description: "a message can't be sent: \(SystemError(operation: "send", code: code).reason)")
        }
    }
}
