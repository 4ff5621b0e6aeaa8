import CLinux
import ControlPlane
import EventLoop
import Glibc
import Ground

/// Asks the Proxy that listens at a path for what a new process takes over from it.
package enum HandoverRequest {
    /// The time limit for the other process to answer.
    package static let patience = Duration.seconds(30)
    /// Polls: it happens once, as a process starts.
    private static let interval = Duration.milliseconds(5)

    /// Connects, and receives the descriptors; the line to the other process is among them.
    ///
    /// - Parameter user: this process's user: another one's process is not taken over from.
    /// - Returns: `nil` if nobody listens there, so that this process starts on its own.
    package static func make(
        at path: String, within limit: Duration = patience, user: UInt32 = geteuid()
    ) async throws(HandoverSocket.Failure) -> InheritedDescriptors? {
        let deadline = TimeSource.system.read() + limit
        guard let line = try await connect(to: path, until: deadline) else { return nil }
        if let refusal = try peer(line).refusal(own: user) { throw .refused("\(refusal), at \(path)") }
        guard let packet = try await receive(from: line, path, until: deadline) else { return nil }
        let greeting: Greeting
        do {
            greeting = try JSONCoding.decode(Greeting.self, from: packet.bytes)
        } catch {
            throw .refused("the process at \(path) says something that this one doesn't understand")
        }
        switch greeting {
        case .refused(let reason): throw .refused(reason)
        case .descriptors(let names):
            do {
                return try InheritedDescriptors(passed: packet.descriptors, names: names, line: line)
            } catch {
                throw .refused("\(error)")
            }
        }
    }

    /// - Returns: `nil` if nobody listens there.
    private static func connect(
        to path: String, until deadline: MonotonicTime
    ) async throws(HandoverSocket.Failure) -> FileDescriptor? {
        if let kind = try HandoverSocket.kind(of: path), kind != S_IFSOCK { return nil }
        let (address, socket): (UnixAddress, FileDescriptor)
        do {
            address = try UnixAddress(path, "cannot connect to \(path)")
            socket = try FileDescriptor(clinux_message_socket(), "socket")
        } catch {
            throw .path("\(error)")
        }
        while true {
            let result = retrying { unsafe address.withSystemForm { unsafe Glibc.connect(socket.number, $0, $1) } }
            if result == 0 { return socket }
            switch errno {
            // A socket that its process has left, or none.
            case ECONNREFUSED, ENOENT: return nil
            // Its queue is full.
            case EAGAIN: try await wait(until: deadline, path)
            case EPROTOTYPE: throw .refused("another program listens at \(path)")
            case let code: throw .path("\(SystemError(operation: "cannot connect to \(path)", code: code))")
            }
        }
    }

    private static func peer(_ line: FileDescriptor) throws(HandoverSocket.Failure) -> PeerCredentials {
        do {
            return try PeerCredentials(of: line)
        } catch {
            throw .refused("\(error)")
        }
    }

    /// - Returns: `nil` if the other process has ended.
    private static func receive(
        from line: FileDescriptor, _ path: String, until deadline: MonotonicTime
    ) async throws(HandoverSocket.Failure) -> DescriptorPacket? {
        while true {
            do throws(SystemError) {
                if let packet = try DescriptorPacket.receive(from: line, size: HandoverChannel.largestPacket) {
                    return packet.bytes.isEmpty ? nil : packet
                }
            } catch  where error.code == ECONNRESET {
                return nil
            } catch {
                throw .refused("\(error)")
            }
            try await wait(until: deadline, path)
        }
    }

    private static func wait(until deadline: MonotonicTime, _ path: String) async throws(HandoverSocket.Failure) {
        guard TimeSource.system.read() < deadline, !Task.isCancelled else {
            throw .refused("the process at \(path) doesn't answer")
        }
        try? await Task.sleep(for: interval)
    }
}
