import EventLoop

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// An open file that closes itself; every failure names the file. Its calls block, on whichever thread makes them.
final class OpenFile: Sendable {
    /// Which file this is, whatever its name has become since.
    struct Identity: Equatable {
        var device: dev_t
        var inode: ino_t
    }

    let path: String
    let descriptor: Int32

    /// Opens a file, close-on-exec.
    ///
    /// - Parameters:
    ///   - flags: `O_RDWR`, `O_CREAT` and so on.
    ///   - mode: permissions of a file that is made, before the umask.
    init(_ path: String, flags: Int32, mode: mode_t = 0o600) throws(FileError) {
        let descriptor = retrying { open(path, flags | O_CLOEXEC, mode) }
        guard descriptor >= 0 else { throw FileError("open", path, code: errno) }
        self.path = path
        self.descriptor = descriptor
    }

    /// Shares a file that someone else has opened.
    ///
    /// - Parameter path: what errors call it.
    init(sharing other: FileDescriptor, path: String) throws(FileError) {
        let descriptor = retrying { fcntl(other.number, F_DUPFD_CLOEXEC, 0) }
        guard descriptor >= 0 else { throw FileError("open", path, code: errno) }
        self.path = path
        self.descriptor = descriptor
    }

    deinit {
        close(descriptor)
    }

    /// Writes all of the bytes, or throws with an unknown part of them written.
    ///
    /// - Parameter position: where to; otherwise after what was written last.
    func write(_ bytes: [UInt8], at position: Int? = nil) throws(FileError) {
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                let rest = UnsafeRawBufferPointer(rebasing: buffer[written...])
                return retrying {
                    guard let position else {
                        return Int32(clamping: writeBytes(descriptor, rest.baseAddress!, rest.count))
                    }
                    return Int32(
                        clamping: pwrite(descriptor, rest.baseAddress!, rest.count, off_t(position + written)))
                }
            }
            guard count >= 0 else { throw FileError("write", path, code: errno) }
            written += Int(count)
        }
    }

    /// Waits until what was written is on the disk. A pipe, a terminal or a folder of a file system that can't sync
    /// folders has nothing to wait for (`EINVAL`, fsync(2)).
    func synchronize() throws(FileError) {
        guard retrying({ fsync(descriptor) }) == 0 || errno == EINVAL else {
            throw FileError("sync", path, code: errno)
        }
    }

    /// Reads from the start to the end.
    ///
    /// - Parameter limit: the most bytes that are taken; a longer file is an error (`EFBIG`).
    func readAll(limit: Int) throws(FileError) -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let offset = off_t(bytes.count)
            let count = buffer.withUnsafeMutableBytes { space in
                retrying { Int32(clamping: pread(descriptor, space.baseAddress!, space.count, offset)) }
            }
            guard count >= 0 else { throw FileError("read", path, code: errno) }
            if count == 0 { return bytes }
            bytes += buffer[..<Int(count)]
            guard bytes.count <= limit else { throw FileError("read", path, code: EFBIG) }
        }
    }

    var identity: Identity? {
        var status = stat()
        return fstat(descriptor, &status) == 0 ? Identity(device: status.st_dev, inode: status.st_ino) : nil
    }

    /// The file that a path leads to now; `nil` where there is none.
    static func identity(of path: String) -> Identity? {
        var status = stat()
        return stat(path, &status) == 0 ? Identity(device: status.st_dev, inode: status.st_ino) : nil
    }
}

/// The folder that a path's last part is in.
func folder(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
}

/// Makes a call again for as long as a signal interrupts it.
package func retrying(_ call: () -> Int32) -> Int32 {
    while true {
        let result = call()
        if result != -1 || errno != EINTR { return result }
    }
}

/// `write(2)`, which the method of that name hides.
private func writeBytes(_ descriptor: Int32, _ start: UnsafeRawPointer, _ count: Int) -> Int {
    write(descriptor, start, count)
}
