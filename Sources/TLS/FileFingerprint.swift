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
