import CLinux
import ControlPlane
import EventLoop
import Glibc
import Ground
import Synchronization

/// One end of the line between a process and the one that takes over from it. It carries JSON messages of any size up
/// to a limit; each arrives whole or not at all.
///
/// A message that can't be sent is an error, never a trap: the sending process serves others. The line outlives the
/// process that created it: a process that takes over from the successor inherits the successor's end. The line
/// therefore consists of packets, which the system keeps whole: on a stream of bytes, the new owner might begin in the
/// middle of a message that the old one had half read. Any thread may use it.
package final class HandoverChannel: Sendable {
    /// Why a message was not sent. The description is one sentence.
    package struct Failure: Error, Equatable, CustomStringConvertible {
        package var description: String

        package init(description: String) {
            self.description = description
        }
    }

    /// The result of trying to send a packet.
    private enum Sent {
        /// It has been sent, or there is no longer anyone to receive it.
        case done
        /// The other process has to read before more fits.
        case noRoom
        /// The system is short of memory.
        case noMemory
    }

    /// The messages that arrive, until the other process is gone or `close()` is called.
    package let messages: AsyncStream<[UInt8]>

    /// This end's socket, to be passed to another process.
    package let descriptor: FileDescriptor
    private let continuation: AsyncStream<[UInt8]>.Continuation
    private let end: LoopConfined<HandoverEnd>
    private let mailbox: Mailbox

    /// Numbers the messages that are sent in pieces.
    private let lastNumber = Atomic<UInt32>(0)

    /// In bytes; far below what a socket's buffer takes.
    package static let largestPacket = 32 * 1024
    /// In bytes; far above any real message: the health of 10,000 endpoints, with a reason for each, takes 16 MiB.
    package static let largestMessage = 64 << 20

    private static let silence = Failure(description: "the other process doesn't read")

    /// Starts the thread that reads; it ends with `close()` or with the last reference.
    ///
    /// - Parameter descriptor: a socket made by `pair()`. Nothing is read from it before `listen()`.
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

    /// Creates both ends of a line.
    package static func pair() throws(SystemError) -> (FileDescriptor, FileDescriptor) {
        var numbers: [Int32] = [-1, -1]
        guard unsafe clinux_message_pair(&numbers) == 0 else { throw SystemError(operation: "socketpair", code: errno) }
        return (try FileDescriptor(numbers[0], "socketpair"), try FileDescriptor(numbers[1], "socketpair"))
    }

    /// Begins to receive.
    package func listen() {
        mailbox.post { [end] in end.value.listen() }
    }

    /// Stops receiving and leaves later messages to another process that also has this end. A message that is being
    /// read at that moment still belongs to this process, and has been read when this returns.
    package func leave() async {
        await withCheckedContinuation { continuation in
            let accepted = mailbox.post { [end] in
                end.value.leave()
                continuation.resume()
            }
            if !accepted { continuation.resume() }
        }
    }

    /// Stops receiving, whatever the other process does.
    package func close() {
        continuation.finish()
        mailbox.post { [end] in end.value.close() }
    }

    /// Ends the line for both processes; messages on their way still arrive. Not for a line that other processes share.
    package func hangUp() {
        close()
        _ = shutdown(descriptor.number, Int32(SHUT_RDWR))
    }

    /// Whether the other process has closed its end, or has ended.
    package var isHungUp: Bool {
        var end = pollfd(fd: descriptor.number, events: 0, revents: 0)
        let count = retrying { unsafe poll(&end, 1, 0) }
        return count == 1 && Int32(end.revents) & (POLLHUP | POLLERR) != 0
    }

    /// Sends a short message; does nothing if the other process is gone.
    ///
    /// - Throws: if there is no room because the other process doesn't read; then nothing has been sent.
    package func send(_ message: some Encodable) throws(Failure) {
        let bytes = try Self.encoded(message)
        guard bytes.count <= Self.largestPacket else {
            throw Failure(description: "a message of \(bytes.count) bytes is too long to be sent at once")
        }
        guard case .done = try transmit(bytes) else { throw Self.silence }
    }

    /// Sends a message of any size up to `largestMessage`, waiting for the other process to read if there is no room;
    /// does nothing if that process is gone.
    ///
    /// - Parameter limit: the time limit for sending.
    package func deliver(_ message: some Encodable, within limit: Duration) async throws(Failure) {
        let bytes = try Self.encoded(message)
        guard bytes.count <= Self.largestMessage else {
            throw Failure(description: "a message of \(bytes.count) bytes is too long to be sent")
        }
        let deadline = TimeSource.system.read() + limit
        let number = lastNumber.add(1, ordering: .relaxed).newValue
        for packet in MessagePieces.packets(of: bytes, number: number, size: Self.largestPacket) {
            try await deliver(packet, until: deadline)
        }
    }

    private func deliver(_ packet: [UInt8], until deadline: MonotonicTime) async throws(Failure) {
        while true {
            switch try transmit(packet) {
            case .done: return
            case .noRoom: await waitForRoom(until: deadline)
            // The system doesn't report when memory becomes available.
            case .noMemory: try? await Task.sleep(for: .milliseconds(10))
            }
            guard TimeSource.system.read() < deadline, !Task.isCancelled else { throw Self.silence }
        }
    }

    /// Returns when there may be room, the time is up or the task is cancelled.
    private func waitForRoom(until deadline: MonotonicTime) async {
        let room = OneTimeEvent()
        let accepted = mailbox.post { [end] in end.value.wait(until: deadline, forRoom: room.set) }
        if accepted { return await room.wait() }
        // This end is closed, but the other process may still read what is left to be sent.
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
