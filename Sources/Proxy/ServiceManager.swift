import EventLoop
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
        try? UnixDatagram().send(text, to: path)
    }
}
