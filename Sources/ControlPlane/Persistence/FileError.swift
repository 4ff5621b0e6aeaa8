#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A system call on a file failed.
package struct FileError: Error, Equatable, CustomStringConvertible {
    /// What was tried, as a verb: `open`, `write`, `rename`.
    package var operation: String
    package var path: String
    /// The system's error number.
    package var code: Int32

    package init(_ operation: String, _ path: String, code: Int32) {
        self.operation = operation
        self.path = path
        self.code = code
    }

    package var description: String {
        // What O_NOFOLLOW says in words of its own, which speak of many links.
        let reason = code == ELOOP ? "it is a symbolic link, which is not followed" : String(cString: strerror(code))
        return "cannot \(operation) \(path): \(reason)"
    }
}
