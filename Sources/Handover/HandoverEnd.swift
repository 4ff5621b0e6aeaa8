import ControlPlane
import EventLoop
import Glibc
import Ground

/// The part of an end of the line that is confined to its thread: receives packets, and waits for room to send.
final class HandoverEnd: EventHandler {
    /// A sender that waits for room until its timer fires.
    private struct Sender {
        var timer: TimerID
        var wake: () -> Void
    }

    private let descriptor: FileDescriptor
    private let loop: EventLoop
    private let messages: AsyncStream<[UInt8]>.Continuation
    private var pieces = MessagePieces(largestMessage: HandoverChannel.largestMessage)
    private var buffer: [UInt8] = []
    private var isListening = false
    private var isClosed = false
    private var senders: [Sender] = []
    /// The readiness that the loop watches for; `nil` while the descriptor isn't registered.
    private var interest: Readiness?

    init(_ descriptor: FileDescriptor, _ loop: EventLoop, _ messages: AsyncStream<[UInt8]>.Continuation) {
        self.descriptor = descriptor
        self.loop = loop
        self.messages = messages
    }

    /// Returns after `close()`.
    func run() {
        loop.run()
    }

    func listen() {
        isListening = !isClosed
        watch()
    }

    func leave() {
        isListening = false
        watch()
    }

    func close() {
        isClosed = true
        isListening = false
        messages.finish()
        wakeSenders()
        if interest != nil { loop.remove(descriptor) }
        interest = nil
        loop.stop()
    }

    /// Calls `wake` when there may be room for a packet, or when the time is up.
    func wait(until deadline: MonotonicTime, forRoom wake: @escaping () -> Void) {
        // Posted before the end closed but run after it: nothing else would wake this sender.
        if isClosed { return wake() }
        let timer = loop.schedule(after: deadline.since(TimeSource.system.read())) { [unowned self] in wakeSenders() }
        senders.append(Sender(timer: timer, wake: wake))
        watch()
    }

    func ready(_ readiness: Readiness) {
        // A sender that waits for room finds out from its next attempt that the other end is closed.
        if readiness.contains(.writable) || !readiness.isDisjoint(with: .broken) { wakeSenders() }
        if isListening { read() }
    }

    /// Wakes all senders; those that find no room wait again.
    private func wakeSenders() {
        let waiting = senders
        senders = []
        for sender in waiting {
            loop.cancel(sender.timer)
            sender.wake()
        }
        watch()
    }

    private func watch() {
        if isClosed { return }
        var wanted: Readiness = isListening ? .readable : []
        if !senders.isEmpty { wanted.insert(.writable) }
        guard wanted != interest ?? [] else { return }
        do {
            if wanted.isEmpty {
                loop.remove(descriptor)
                interest = nil
            } else if interest == nil {
                try loop.add(descriptor, for: wanted, handler: self)
                interest = wanted
            } else {
                try loop.change(descriptor, to: wanted)
                interest = wanted
            }
        } catch {
            // The system has no room for the registration: without events nothing would ever be read.
            close()
        }
    }

    private func read() {
        while isListening, let packet = receive() {
            // An empty packet is how the system reports that the other end is closed.
            if packet.isEmpty {
                messages.finish()
                leave()
                return
            }
            if let message = pieces.take(packet) { messages.yield(message) }
        }
    }

    /// - Returns: the next packet; `nil` if none is waiting, or if it is longer than any packet may be.
    private func receive() -> ArraySlice<UInt8>? {
        if buffer.isEmpty { buffer = [UInt8](repeating: 0, count: HandoverChannel.largestPacket) }
        while true {
            let count = unsafe recv(descriptor.number, &buffer, buffer.count, Int32(MSG_TRUNC))
            if count > buffer.count { continue }
            if count >= 0 { return buffer[..<count] }
            switch errno {
            case EINTR: continue
            case EAGAIN: return nil
            // If the line has failed, there is nobody at its other end either.
            default: return []
            }
        }
    }
}
