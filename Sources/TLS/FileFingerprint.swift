import Glibc

/// What tells a file from what was at the same path before, without reading it. Links are followed, so that one that is
/// moved to another file shows.
package struct FileFingerprint: Equatable, Sendable {
    private var device: UInt
    private var number: UInt
    private var size: Int
    private var modified: Int
    private var modifiedNanoseconds: Int

    /// `nil` where there is no file, or none that can be looked at.
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

/// Tells when something that is looked at now and then has changed and come to rest: a certificate and its key are
/// written one after the other, and halfway they don't fit.
package struct ChangeDetector<Value: Equatable & Sendable>: Sendable {
    /// What was acted upon last.
    private var known: Value
    /// What was seen last.
    private var seen: Value

    package init(known: Value) {
        self.known = known
        seen = known
    }

    /// - Returns: whether it is time to act: the value is another than the last time, and was the same a look ago.
    package mutating func look(at value: Value) -> Bool {
        defer { seen = value }
        guard value != known, value == seen else { return false }
        known = value
        return true
    }

    /// Something has acted upon this value unasked.
    package mutating func take(_ value: Value) {
        known = value
        seen = value
    }
}
