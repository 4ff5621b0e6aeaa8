import EventLoop
import Glibc
import Ground
import Testing

@Suite struct UnixDatagramTests {
    /// A socket that receives at an address of the system's choice, and that address.
    private func receiver() throws -> (FileDescriptor, path: String) {
        let kind = Int32(SOCK_DGRAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = try FileDescriptor(socket(AF_UNIX, kind, 0), "socket")
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var length = socklen_t(MemoryLayout<sa_family_t>.size)
        let result = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                // Bound to its family alone, it gets an abstract address (autobind).
                guard unsafe bind(descriptor.number, address, length) == 0 else { return Int32(-1) }
                length = socklen_t(MemoryLayout<sockaddr_un>.size)
                return unsafe getsockname(descriptor.number, address, &length)
            }
        }
        guard result == 0 else { throw SystemError(operation: "bind", code: errno) }
        let name = unsafe withUnsafeBytes(of: address.sun_path) { space in
            unsafe Array(space[1..<Int(length) - MemoryLayout<sa_family_t>.size])
        }
        return (descriptor, "@" + String(decoding: name, as: UTF8.self))
    }

    @Test func arrivesAsOneMessage() throws {
        let (receiver, path) = try receiver()
        let socket = try UnixDatagram()
        try socket.send("READY=1\nMAINPID=7\n", to: path)
        try socket.send("STOPPING=1\n", to: path)
        var bytes = [UInt8](repeating: 0, count: 64)
        for text in ["READY=1\nMAINPID=7\n", "STOPPING=1\n"] {
            let count = unsafe recv(receiver.number, &bytes, bytes.count, 0)
            #expect(String(decoding: bytes[..<max(count, 0)], as: UTF8.self) == text)
        }
    }

    @Test func saysWhyItDoesNotArrive() throws {
        let socket = try UnixDatagram()
        #expect(throws: SystemError(operation: "send", code: ENOENT)) { try socket.send("x", to: "/nowhere/socket") }
        #expect(throws: SystemError(operation: "send", code: ECONNREFUSED)) { try socket.send("x", to: "@nobody-here") }
        let long = "/" + String(repeating: "x", count: 107)
        #expect(throws: SystemError(operation: "send", code: ENAMETOOLONG)) { try socket.send("x", to: long) }
    }
}
