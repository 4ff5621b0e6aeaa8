import Glibc

/// Distinguishes a file from an earlier one at the same path, without reading it. Links are followed, so that a link
/// moved to another file counts as a change.
package struct FileFingerprint: Equatable, Sendable {
    private var device: UInt
    private var number: UInt
    private var size: Int
    private var modified: Int
    private var modifiedNanoseconds: Int

    /// `nil` if there is no file, or none that can be examined.
    package init?(path: String) {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return nil }
        device = UInt(status.st_dev)
        number = UInt(status.st_ino)
        size = Int(status.st_size)
        modified = status.st_mtim.tv_sec
        modifiedNanoseconds = status.st_mtim.tv_nsec
    }
}

/// Detects that a value checked now and then has changed and settled: a certificate and its key are written one after
/// the other, and halfway through they don't match.
package struct ChangeDetector<Value: Equatable & Sendable>: Sendable {
    /// The value that was last acted upon.
    private var known: Value
    /// The value that was last seen.
    private var seen: Value

    package init(known: Value) {
        self.known = known
        seen = known
    }

    /// - Returns: whether it is time to act: the value differs from the one last acted upon, and was the same at the
    ///   previous look.
    package mutating func look(at value: Value) -> Bool {
        defer { seen = value }
        guard value != known, value == seen else { return false }
        known = value
        return true
    }

    /// Notes that this value has been acted upon without a look.
    package mutating func take(_ value: Value) {
        known = value
        seen = value
    }
}
