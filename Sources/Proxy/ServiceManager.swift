import Glibc

/// Reports the process's state to the service manager, if there is one that asks for it (sd_notify(3)).
struct ServiceManager: Sendable {
    /// The path of its socket; one that begins with `@` is an abstract address (unix(7)).
    private let path: String

    /// - Returns: `nil` if no service manager has asked for reports.
    init?() {
        guard let path = unsafe getenv("NOTIFY_SOCKET").map({ unsafe String(cString: $0) }),
            path.first == "/" || path.first == "@"
        else { return nil }
        self.path = path
    }

    /// Reports that this process serves, and is the service from now on, whichever process was before.
    func ready() {
        send("READY=1\nMAINPID=\(getpid())\n")
    }

    /// Reports that the service ends.
    func stopping() {
        send("STOPPING=1\n")
    }

    /// No answer is expected, and a manager that can't be reached must not stop the service.
    private func send(_ text: String) {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { return }
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { space in
            unsafe space.copyBytes(from: bytes)
            if unsafe space[0] == UInt8(ascii: "@") { unsafe space[0] = 0 }
        }
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        let length = socklen_t(MemoryLayout.offset(of: \sockaddr_un.sun_path)! + bytes.count)
        _ = unsafe withUnsafePointer(to: &address) { pointer in
            // A sockaddr_un is a sockaddr by the sockets API's own convention.
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                unsafe sendto(descriptor, text, text.utf8.count, Int32(MSG_NOSIGNAL), address, length)
            }
        }
    }
}
