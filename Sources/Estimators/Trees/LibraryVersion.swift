import Pickle

/// A version of scikit-learn: `1.6.1` is major 1, minor 6.
struct LibraryVersion: Sendable, Comparable {
    let major: Int
    let minor: Int

    init(_ major: Int, _ minor: Int) {
        self.major = major
        self.minor = minor
    }

    /// Nil for text that is no version.
    init?(_ text: String) {
        let parts = text.utf8.prefix(32).split(separator: UInt8(ascii: "."))
        guard parts.count >= 2, let major = Int(Substring(parts[0])), let minor = Int(Substring(parts[1])) else {
            return nil
        }
        self.init(major, minor)
    }

    static func < (left: LibraryVersion, right: LibraryVersion) -> Bool {
        (left.major, left.minor) < (right.major, right.minor)
    }
}

extension PickledEstimator {
    /// The version that wrote the estimator; the newest if the file doesn't say.
    var libraryVersion: LibraryVersion {
        guard case .string(let text) = optional("_sklearn_version"), let version = LibraryVersion(text) else {
            return LibraryVersion(.max, 0)
        }
        return version
    }
}
