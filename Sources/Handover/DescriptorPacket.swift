import CLinux
import Glibc
import Ground

/// A packet on a Unix socket that keeps messages apart, with descriptors for the other process.
package struct DescriptorPacket {
    package var bytes: [UInt8]
    package var descriptors: [FileDescriptor]

    /// The largest number of descriptors in a packet.
    package static let mostDescriptors = Int(clinux_most_descriptors)

    package init(bytes: [UInt8], descriptors: [FileDescriptor]) {
        self.bytes = bytes
        self.descriptors = descriptors
    }

    /// Sends the packet, whole or not at all, without waiting for room.
    package func send(over socket: FileDescriptor) throws(SystemError) {
        let numbers = descriptors.map(\.number)
        let count = unsafe bytes.withUnsafeBytes { buffer in
            unsafe clinux_send_descriptors(
                socket.number, buffer.baseAddress, buffer.count, numbers, Int32(numbers.count))
        }
        guard count >= 0 else { throw SystemError(operation: "send", code: errno) }
    }

    /// Receives a packet without waiting for one. Its descriptors are closed on exec.
    ///
    /// - Parameter size: the largest packet, in bytes.
    /// - Returns: a packet of no bytes where the other end is closed; `nil` if none is there yet.
    /// - Throws: `EMSGSIZE` for a packet that is larger, or whose descriptors this process has no room for.
    package static func receive(from socket: FileDescriptor, size: Int) throws(SystemError) -> DescriptorPacket? {
        var bytes = [UInt8](repeating: 0, count: size)
        var numbers = [Int32](repeating: -1, count: mostDescriptors)
        var count: Int32 = 0
        let received = unsafe bytes.withUnsafeMutableBytes { buffer in
            unsafe clinux_receive_descriptors(socket.number, buffer.baseAddress, buffer.count, &numbers, &count)
        }
        guard received >= 0 else {
            if errno == EAGAIN { return nil }
            throw SystemError(operation: "receive", code: errno)
        }
        var descriptors: [FileDescriptor] = []
        for number in numbers[..<Int(count)] { descriptors.append(try FileDescriptor(number, "receive")) }
        return DescriptorPacket(bytes: Array(bytes[..<received]), descriptors: descriptors)
    }
}
