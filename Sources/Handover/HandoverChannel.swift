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

/// One end of the line between a process and the one that takes over from it: messages in JSON, each whole or not at all.
///
/// The line outlives the process it was made by: whoever takes over from the successor gets the successor's end. Any
/// thread may use it.
package final class HandoverChannel: Sendable {
    /// What comes in, until the other process is gone or `close()`.
    package let messages: AsyncStream<[UInt8]>

    package let descriptor: FileDescriptor
    private let continuation: AsyncStream<[UInt8]>.Continuation
    private let source: DispatchSource
    private let isListening = Mutex(false)

    /// Larger than any message: the largest carries the switch state, some 20 KiB.
    private static let largestMessage = 192 * 1024
    private static let queue = DispatchQueue(label: "sluice.handover")

    /// - Parameter descriptor: a socket of `pair()`. Nothing is read from it before `listen()`.
    package init(_ descriptor: FileDescriptor) {
        self.descriptor = descriptor
        (messages, continuation) = AsyncStream.makeStream(of: [UInt8].self)
        // What the function returns is a DispatchSource, whatever the protocol it says so by.
        source = DispatchSource.makeReadSource(fileDescriptor: descriptor.number, queue: Self.queue) as! DispatchSource
        source.setEventHandler { [descriptor, continuation, weak source] in
            while let message = Self.receive(descriptor) {
                // An empty message is how the system tells that the other end is closed.
                if message.isEmpty {
                    continuation.finish()
                    source?.cancel()
                    return
                }
                continuation.yield(message)
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

    /// Sends a message; to a process that is gone nothing is sent.
    package func send(_ message: some Encodable) {
        guard let bytes = try? JSONCoding.line(message), bytes.count <= Self.largestMessage else {
            preconditionFailure("every message can be written, and is far smaller than the largest")
        }
        _ = bytes.withUnsafeBytes { buffer in
            retrying {
                Int32(clamping: Glibc.send(descriptor.number, buffer.baseAddress, buffer.count, Int32(MSG_NOSIGNAL)))
            }
        }
    }

    /// - Returns: the next message; `nil` where none waits.
    private static func receive(_ descriptor: FileDescriptor) -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: largestMessage)
        let count = retrying { Int32(clamping: recv(descriptor.number, &buffer, largestMessage, 0)) }
        if count < 0 && errno == EAGAIN { return nil }
        // A line that has failed has nobody at its other end, either.
        return Array(buffer.prefix(max(0, Int(count))))
    }
}
