import Glibc

/// Which file it is, whatever its name has become.
package struct FileIdentity: Equatable, Sendable {
    private let device: dev_t
    private let inode: ino_t

    private init(_ status: stat) {
        device = status.st_dev
        inode = status.st_ino
    }

    /// The file that a path leads to now; `nil` if there is none.
    ///
    /// - Parameter followsLinks: whether a symbolic link counts as the file that it leads to, or as itself.
    package init?(path: String, followsLinks: Bool = true) {
        var status = stat()
        guard unsafe fstatat(AT_FDCWD, path, &status, followsLinks ? 0 : AT_SYMLINK_NOFOLLOW) == 0 else { return nil }
        self.init(status)
    }

    /// The file that a descriptor stands for; `nil` if it stands for none.
    package init?(descriptor number: Int32) {
        var status = stat()
        guard unsafe fstat(number, &status) == 0 else { return nil }
        self.init(status)
    }
}
