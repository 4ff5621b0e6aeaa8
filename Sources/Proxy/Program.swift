import FoundationEssentials
import Glibc

/// The program that this process runs, in a form that can be started again.
struct Program: Sendable {
    /// The name it was started with, not the file of that time: an upgrade may have replaced the file, or pointed a
    /// symbolic link elsewhere.
    var path: String
    var arguments: [String]

    /// Whether the container ends with this process, and with it any process that has taken over.
    var endsContainer: Bool

    /// - Parameter isChild: whether another Proxy has started this one to take over, which shows that it is possible here.
    static func current(isChild: Bool) -> Program {
        let arguments = CommandLine.arguments
        return Program(
            path: path(of: arguments.first ?? ""), arguments: arguments,
            endsContainer: !isChild && isMainProcessOfContainer())
    }

    private static func path(of name: String) -> String {
        guard !name.contains("/") else { return name }
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
        let paths: [String] = folders.map { "\($0)/\(name)" }
        return paths.first { unsafe access($0, X_OK) == 0 } ?? "/proc/self/exe"
    }

    /// Whether this is a container's first process, or the one that its init (as of `docker run --init`) runs. A
    /// service manager that is told which process is the service counts as neither.
    private static func isMainProcessOfContainer() -> Bool {
        if getpid() == 1 { return true }
        guard getppid() == 1, unsafe getenv("NOTIFY_SOCKET") == nil else { return false }
        // The inode number of the kernel's initial PID namespace (PROC_PID_INIT_INO).
        return (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/ns/pid")) != "pid:[4026531836]"
    }
}
