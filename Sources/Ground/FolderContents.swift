import Glibc

/// What a path leads to; symbolic links are followed.
package enum FileKind: Sendable, Equatable {
    case file
    case folder
    /// A pipe, a socket or a device.
    case other

    package init(at path: String) throws(SystemError) {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { throw SystemError(operation: "stat", code: errno) }
        switch status.st_mode & S_IFMT {
        case S_IFREG: self = .file
        case S_IFDIR: self = .folder
        default: self = .other
        }
    }
}

/// The names of a folder's entries, sorted, without the folder itself and the one above.
///
/// - Returns: A name that is not valid UTF-8 has replacement characters, so there is nothing under it.
package func names(inFolder path: String) throws(SystemError) -> [String] {
    guard let folder = unsafe opendir(path) else { throw SystemError(operation: "open", code: errno) }
    defer { unsafe closedir(folder) }
    var names: [String] = []
    while true {
        errno = 0
        guard let entry = unsafe readdir(folder) else {
            guard errno == 0 else { throw SystemError(operation: "read", code: errno) }
            return names.sorted()
        }
        // The kernel ends the name with a zero byte, within the record that the library keeps until the next call.
        let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { name in
            unsafe String(cString: UnsafeRawPointer(name).assumingMemoryBound(to: CChar.self))
        }
        if name != ".", name != ".." { names.append(name) }
    }
}
