import EventLoop
import Glibc
import Ground
import Synchronization

/// The descriptors, besides the standard ones, that a process was started with, by purpose.
///
/// They come from the process that this one takes over from, or from a service manager by its socket activation
/// protocol (sd_listen_fds(3)). Either numbers them from 3 on and passes their names in the environment; a process that
/// isn't this one's parent sends them over its handover socket instead.
///
/// Each belongs to the caller that takes it. Any thread may use this type.
package final class InheritedDescriptors: Sendable {
    /// The purpose of a descriptor. The raw value is its name in the environment.
    package enum Name: String, Sendable {
        /// The socket that clients connect to.
        case listen
        /// The admin API's socket.
        case admin
        /// The socket whose calls go to the color that isn't active.
        case preview
        /// Like `listen`, `admin` and `preview`, but from a service manager, whose settings decide the address instead
        /// of the Proxy's.
        case managedListen = "managed-listen"
        case managedAdmin = "managed-admin"
        case managedPreview = "managed-preview"
        /// The line to the process that this one takes over from.
        case handover
        /// The route word.
        case route
        /// The state file's lock.
        case lock
        /// The decision whether this process takes over.
        case decision
        /// The line to a process that was taken over from earlier and is still finishing its calls.
        case predecessor
    }

    /// What was handed over can't be used. The description is one sentence.
    package struct Failure: Error, Equatable, CustomStringConvertible {
        package var description: String
    }

    private let descriptors: Mutex<[Entry]>

    private struct Entry {
        var name: Name
        var descriptor: FileDescriptor
    }

    private static let first: Int32 = 3
    /// The Proxy's own variable, with the names of all descriptors.
    static let variable = "SLUICE_HANDOVER"

    /// Takes the descriptors that the environment names, and removes their variables so that no child takes them for
    /// its own. Call this once, before any thread reads the environment.
    package static func take() throws(Failure) -> InheritedDescriptors {
        defer { for name in [variable, "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"] { unsafe unsetenv(name) } }
        return try InheritedDescriptors(
            environment: { name in unsafe getenv(name).map { unsafe String(cString: $0) } }, processID: getpid())
    }

    /// - Parameter environment: returns a variable's value; `nil` if it isn't set.
    package init(environment: (String) -> String?, processID: Int32) throws(Failure) {
        if let names = environment(Self.variable) {
            descriptors = Mutex(try Self.fromPredecessor(names))
            return
        }
        // If the number differs, the descriptors are meant for another process: every child inherits the variables.
        guard let count = environment("LISTEN_FDS"), environment("LISTEN_PID") == String(processID) else {
            descriptors = Mutex([])
            return
        }
        let entries = try Self.fromServiceManager(count, names: environment("LISTEN_FDNAMES"))
        descriptors = Mutex(entries)
    }

    /// Takes what another process has sent over its handover socket.
    ///
    /// - Parameters:
    ///   - names: the names of the descriptors, in their order.
    ///   - line: the line to the other process.
    package init(passed: [FileDescriptor], names: [String], line: FileDescriptor) throws(Failure) {
        guard passed.count == names.count else {
            throw Failure(
                description: "the process to take over from names \(names.count) descriptors, and sends \(passed.count)"
            )
        }
        var entries = [Entry(name: .handover, descriptor: line)]
        for (text, descriptor) in zip(names, passed) {
            guard let name = Name(rawValue: text) else {
                throw Failure(
                    description:
                        "the process to take over from sends a descriptor \"\(text)\", which this version doesn't know")
            }
            entries.append(Entry(name: name, descriptor: descriptor))
        }
        descriptors = Mutex(entries)
    }

    /// Adds what another source has passed, behind what is here: of two with one name, `take` returns the one here.
    package func add(_ other: InheritedDescriptors) {
        let entries = other.descriptors.withLock { entries in
            defer { entries = [] }
            return entries
        }
        descriptors.withLock { $0 += entries }
    }

    private static func fromPredecessor(_ names: String) throws(Failure) -> [Entry] {
        var descriptors: [Entry] = []
        for (offset, text) in names.split(separator: ":").enumerated() {
            guard let name = Name(rawValue: String(text)) else {
                throw Failure(
                    description: "\(variable) names a descriptor \"\(text)\", which this version doesn't know")
            }
            descriptors.append(Entry(name: name, descriptor: try adopt(first + Int32(offset))))
        }
        return descriptors
    }

    /// A service manager passes only sockets; if it uses none of the Proxy's names, the first is for clients, the second
    /// for the admin API and the third for the preview.
    private static func fromServiceManager(
        _ text: String, names: String?
    ) throws(Failure) -> [Entry] {
        guard let count = Int32(text), count >= 1 else {
            throw Failure(description: "LISTEN_FDS is \"\(text)\"; allowed: a whole number from 1")
        }
        let known = (names ?? "").split(separator: ":", omittingEmptySubsequences: false)
            .map { text -> Name? in
                switch text {
                case "listen": .managedListen
                case "admin": .managedAdmin
                case "preview": .managedPreview
                default: nil
                }
            }
        let byName = known.contains { $0 != nil }
        var descriptors: [Entry] = []
        for offset in 0..<count {
            let descriptor = try adopt(first + offset)
            let name: Name?
            if byName {
                name = offset < known.count ? known[Int(offset)] : nil
            } else {
                let inOrder: [Name] = [.managedListen, .managedAdmin, .managedPreview]
                name = offset < inOrder.count ? inOrder[Int(offset)] : nil
            }
            guard let name, !descriptors.contains(where: { $0.name == name }) else {
                throw Failure(
                    description:
                        "the service manager passes socket \(first + offset) with no name of its own; allowed: listen, admin, preview"
                )
            }
            descriptors.append(Entry(name: name, descriptor: descriptor))
        }
        return descriptors
    }

    private static func adopt(_ number: Int32) throws(Failure) -> FileDescriptor {
        guard fcntl(number, F_SETFD, FD_CLOEXEC) == 0 else {
            throw Failure(description: "descriptor \(number) was to be handed over but is not open")
        }
        do {
            return try FileDescriptor(number, "dup")
        } catch {
            throw Failure(description: "\(error)")
        }
    }

    /// Takes all descriptors with a name, in the order in which they were passed.
    package func takeAll(_ name: Name) -> [FileDescriptor] {
        descriptors.withLock { descriptors in
            defer { descriptors.removeAll { $0.name == name } }
            return descriptors.filter { $0.name == name }.map(\.descriptor)
        }
    }

    /// Takes the descriptor with a name; `nil` if there is none or it has been taken.
    package func take(_ name: Name) -> FileDescriptor? { takeAll(name).first }

    /// Takes a listening socket; `nil` if none was passed.
    ///
    /// - Throws: if the descriptor is something else.
    package func takeListeningSocket(_ name: Name) throws(Failure) -> Socket? {
        guard let descriptor = take(name) else { return nil }
        guard let socket = Socket(listening: descriptor) else {
            throw Failure(
                description:
                    "descriptor \(descriptor.number), passed on as \(name.rawValue), is not a listening TCP socket")
        }
        return socket
    }
}
