import Glibc
import Ground
import Synchronization

/// Keeps the switch state in a file that is always whole, and keeps other Proxies away from it.
///
/// A save goes to a file beside it, which is synced and then renamed over the old one, and the folder is synced too: a
/// crash or a loss of power leaves the old state or the new one, never a part. None of the three files is reached by a
/// symbolic link, which somebody else may have laid there (the folder may), and what is made is for this user alone. Its
/// calls block; one thread at a time may save.
package final class StateStore: Sendable {
    package enum Failure: Error, Equatable, CustomStringConvertible {
        /// Another process holds the lock; its id where it is known.
        case inUse(path: String, processID: Int32?)
        /// The file is there but holds no state that can be taken up.
        case unreadable(path: String, flaw: String)
        case file(SystemError)

        package var description: String {
            switch self {
            case .inUse(let path, let processID):
                "state file \(path) is in use by another Proxy" + (processID.map { " (process \($0))" } ?? "")
            case .unreadable(let path, let flaw):
                "state file \(path) \(flaw)"
            case .file(let error) where error.code == ELOOP:
                "state file: \(error.operation): it is a symbolic link, which is not followed"
            case .file(let error):
                "state file: \(error)"
            }
        }
    }

    /// A state is a few kilobytes; whatever is much larger is no state file.
    private static let sizeLimit = 1 << 20

    package let path: String
    /// Until `release()`.
    private let lock: Mutex<OpenFile?>

    /// Takes the lock beside the state file (`PATH.lock`), which is let go when the store goes away or the process ends.
    ///
    /// - Parameters:
    ///   - path: the state file, which need not exist; its folder must.
    ///   - passed: the lock of a process that this one takes over from, which may be another state file's.
    package init(path: String, sharing passed: FileDescriptor? = nil) throws(Failure) {
        self.path = path
        let file = try Self.takeLock(path, sharing: passed)
        lock = Mutex(file)
        // One that an earlier version has made may be opened, and so held, by anybody.
        _ = fchmod(file.descriptor.number, 0o600)
        // The number only helps a person; without it the lock holds as well.
        if ftruncate(file.descriptor.number, 0) == 0 { try? file.write(Array(String(getpid()).utf8), at: 0) }
    }

    private static func takeLock(_ path: String, sharing passed: FileDescriptor?) throws(Failure) -> OpenFile {
        let file: OpenFile
        do {
            let lockPath = path + ".lock"
            if let passed {
                let shared = try OpenFile(sharing: passed, path: lockPath)
                if shared.identity == OpenFile.identity(of: lockPath) { return shared }
            }
            file = try OpenFile(lockPath, flags: O_RDWR | O_CREAT | O_NOFOLLOW)
        } catch {
            throw .file(error)
        }
        guard retrying({ flock(file.descriptor.number, LOCK_EX | LOCK_NB) }) == 0 else {
            guard errno == EWOULDBLOCK else { throw .file(file.failure("lock")) }
            let holder = try? file.readAll(limit: 64)
            throw .inUse(path: path, processID: holder.flatMap { Int32(String(decoding: $0, as: UTF8.self)) })
        }
        return file
    }

    /// The lock, for whoever takes over from this process.
    package func shareLock() throws -> FileDescriptor {
        try lock.withLock { lock in
            guard let lock else { preconditionFailure("a lock is shared before it is let go") }
            return try lock.descriptor.duplicate()
        }
    }

    /// Lets go of the lock; a process that shares it keeps it. Nothing must be saved any more.
    package func release() {
        lock.withLock { $0 = nil }
    }

    /// The state that was saved last; `nil` where there is no file.
    package func load() throws(Failure) -> SwitchState? {
        try Self.read(path: path)
    }

    /// Reads a state file without taking its lock.
    package static func read(path: String) throws(Failure) -> SwitchState? {
        let bytes: [UInt8]
        do {
            bytes = try open(path).readAll(limit: sizeLimit)
        } catch  where error.code == ENOENT {
            return nil
        } catch  where error.code == EFBIG {
            throw .unreadable(path: path, flaw: "is not a Sluice state file")
        } catch {
            throw .file(error)
        }
        do {
            return try StateDocument.decode(bytes)
        } catch {
            throw .unreadable(path: path, flaw: error.text)
        }
    }

    /// Saves a state. When it returns, the state is on the disk; when it throws, the file holds the state before.
    package func save(_ state: SwitchState) throws {
        let bytes = try JSONCoding.document(StateDocument(state))
        let before = try? Self.open(path).readAll(limit: Self.sizeLimit)
        try replace(with: bytes)
        do {
            try OpenFile(folder(of: path), flags: O_RDONLY | O_DIRECTORY).synchronize()
        } catch {
            // The new file has its name already, but nobody may hear of a state that could be gone after a crash.
            if let before { try? replace(with: before) } else { unsafe unlink(path) }
            throw error
        }
    }

    /// Without waiting: a pipe of that name would keep whoever opens it.
    private static func open(_ path: String) throws(SystemError) -> OpenFile {
        try OpenFile(path, flags: O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
    }

    /// Puts a synced file in the place of the state file.
    private func replace(with bytes: [UInt8]) throws(SystemError) {
        let temporary = path + ".tmp"
        do throws(SystemError) {
            // What a crash has left, or somebody has put there, makes way; what comes in its place meanwhile is an error.
            guard unsafe unlink(temporary) == 0 || errno == ENOENT else {
                throw SystemError(operation: OpenFile.operation("remove", temporary), code: errno)
            }
            let file = try OpenFile(temporary, flags: O_WRONLY | O_CREAT | O_EXCL)
            try file.write(bytes)
            try file.synchronize()
            guard unsafe rename(temporary, path) == 0 else {
                throw SystemError(operation: OpenFile.operation("rename to", path), code: errno)
            }
        } catch {
            unsafe unlink(temporary)
            throw error
        }
    }
}
