import Glibc
import Ground
import Synchronization

/// Keeps the switch state in a file that is always complete, and keeps other Proxies away from it.
///
/// A save writes a temporary file next to the state file, syncs it, renames it over the old one and syncs the folder:
/// after a crash or a power failure the file holds either the old state or the new one, never a part. None of the three
/// files is reached through a symbolic link, which someone else may have placed there (the folder may be), and created
/// files are accessible to this user only. Calls block; only one thread at a time may save.
package final class StateStore: Sendable {
    /// Why the state can't be read or saved. The description is one line that names the file.
    package enum Failure: Error, Equatable, CustomStringConvertible {
        /// Another process holds the lock; its id if it is known.
        case inUse(path: String, processID: Int32?)
        /// The file exists but holds no state that can be used.
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

    /// A state takes a few kilobytes, and with what shadow steps have compared a few megabytes; a much larger file isn't a
    /// state file.
    private static let sizeLimit = 64 << 20

    /// The state file's path.
    package let path: String
    /// Held until `release()`.
    private let lock: Mutex<OpenFile?>

    /// Takes the lock next to the state file (`PATH.lock`), which is released when the store is deinitialized or the
    /// process ends.
    ///
    /// - Parameters:
    ///   - path: the state file, which need not exist; its folder must.
    ///   - passed: the lock of the process that this one takes over from, which may belong to another state file.
    package init(path: String, sharing passed: FileDescriptor? = nil) throws(Failure) {
        self.path = path
        let file = try Self.takeLock(path, sharing: passed)
        lock = Mutex(file)
        // A lock file that an earlier version created can be opened, and so locked, by anyone.
        _ = fchmod(file.descriptor.number, 0o600)
        // The process id only helps people; the lock holds without it.
        if ftruncate(file.descriptor.number, 0) == 0 { try? file.write(Array(String(getpid()).utf8), at: 0) }
    }

    private static func takeLock(_ path: String, sharing passed: FileDescriptor?) throws(Failure) -> OpenFile {
        let file: OpenFile
        do {
            let lockPath = path + ".lock"
            if let passed {
                let shared = try OpenFile(sharing: passed, path: lockPath)
                if shared.identity == FileIdentity(path: lockPath) { return shared }
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

    /// The lock, for a process that takes over from this one.
    package func shareLock() throws -> FileDescriptor {
        try lock.withLock { lock in
            guard let lock else { preconditionFailure("a lock is shared before it is let go") }
            return try lock.descriptor.duplicate()
        }
    }

    /// Releases the lock; a process that shares it keeps it. Nothing may be saved afterwards.
    package func release() {
        lock.withLock { $0 = nil }
    }

    /// The state that was saved last; `nil` if there is no file.
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

    /// Saves a state. When this returns, the state is on disk; if it throws, the file holds the previous state.
    package func save(_ state: SwitchState) throws {
        var bytes = try JSONCoding.document(StateDocument(state))
        // What can't be read must not be written: what was compared and gathered is left out first.
        if bytes.count > Self.sizeLimit { bytes = try JSONCoding.document(StateDocument(state.inShort)) }
        let before = try? Self.open(path).readAll(limit: Self.sizeLimit)
        try replace(with: bytes)
        do {
            try OpenFile(folder(of: path), flags: O_RDONLY | O_DIRECTORY).synchronize()
        } catch {
            // The new file is already in place, but nobody may be told of a state that a crash could undo.
            if let before { try? replace(with: before) } else { unsafe unlink(path) }
            throw error
        }
    }

    /// Opens the file without blocking: a pipe of that name would block the open.
    private static func open(_ path: String) throws(SystemError) -> OpenFile {
        try OpenFile(path, flags: O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
    }

    /// Replaces the state file with a synced file.
    private func replace(with bytes: [UInt8]) throws(SystemError) {
        let temporary = path + ".tmp"
        do throws(SystemError) {
            // A file that a crash left, or that someone put there, is removed; one that appears in the meantime is an
            // error.
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
