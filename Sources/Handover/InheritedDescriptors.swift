import EventLoop
import Glibc
import Ground
import Synchronization

/// The descriptors that a process was started with besides the standard ones, by what they are for.
///
/// They come from the process that this one takes over from, or from a service manager by its protocol for socket
/// activation (sd_listen_fds(3)). Either numbers them from 3 on and tells their names in the environment.
///
/// Each belongs to whoever takes it. Any thread may use it.
package final class InheritedDescriptors: Sendable {
    package enum Name: String, Sendable {
        /// The socket that clients connect to.
        case listen
        /// The admin API's socket.
        case admin
        /// As `listen` and `admin`, of a service manager, whose settings decide on the address instead of the Proxy's.
        case managedListen = "managed-listen"
        case managedAdmin = "managed-admin"
        /// The line to the process that this one takes over from.
        case handover
        /// The route word.
        case route
        /// The state file's lock.
        case lock
        /// The line to a process that has been taken over from earlier and is still finishing its calls.
        case predecessor
    }

    /// What was handed over can't be used. Its description is one sentence.
    package struct Failure: Error, Equatable, CustomStringConvertible {
        package var description: String
    }

    private let descriptors: Mutex<[Entry]>

    private struct Entry {
        var name: Name
        var descriptor: FileDescriptor
    }

    private static let first: Int32 = 3
    /// Ours, with the names of all descriptors.
    static let variable = "SLUICE_HANDOVER"

    /// Takes what the environment tells of, and out of it, so that no child takes it for its own. To be called once,
    /// before there are threads that read the environment.
    package static func take() throws(Failure) -> InheritedDescriptors {
        defer { for name in [variable, "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"] { unsafe unsetenv(name) } }
        return try InheritedDescriptors(
            environment: { name in unsafe getenv(name).map { unsafe String(cString: $0) } }, processID: getpid())
    }

    /// - Parameter environment: gives a variable's value; `nil` for one that isn't set.
    package init(environment: (String) -> String?, processID: Int32) throws(Failure) {
        if let names = environment(Self.variable) {
            descriptors = Mutex(try Self.fromPredecessor(names))
            return
        }
        // Meant for another process where the number differs: the variables are inherited by everyone.
        guard let count = environment("LISTEN_FDS"), environment("LISTEN_PID") == String(processID) else {
            descriptors = Mutex([])
            return
        }
        let entries = try Self.fromServiceManager(count, names: environment("LISTEN_FDNAMES"))
        descriptors = Mutex(entries)
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

    /// A service manager passes sockets only; where it names none of them as we do, the first is for clients and the
    /// second for the admin API.
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
                name = offset == 0 ? .managedListen : offset == 1 ? .managedAdmin : nil
            }
            guard let name, !descriptors.contains(where: { $0.name == name }) else {
                throw Failure(
                    description:
                        "the service manager passes socket \(first + offset) with no name of its own; allowed: listen, admin"
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

    /// Takes those of a name, in the order they came.
    package func takeAll(_ name: Name) -> [FileDescriptor] {
        descriptors.withLock { descriptors in
            defer { descriptors.removeAll { $0.name == name } }
            return descriptors.filter { $0.name == name }.map(\.descriptor)
        }
    }

    /// Takes the one of a name; `nil` where there is none, or it was taken before.
    package func take(_ name: Name) -> FileDescriptor? { takeAll(name).first }

    /// Takes a listening socket; `nil` where none was passed.
    ///
    /// - Throws: where what was passed is something else.
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
