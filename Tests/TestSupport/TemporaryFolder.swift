import FoundationEssentials
import Glibc

/// A test's own folder, deleted with this object. Where something can't be done in it, the machine is to blame and no test can
/// go on: such calls end the process.
package final class TemporaryFolder: Sendable {
    package let path: String

    package init() {
        // In memory if the system has such a folder: hundreds of fsyncs on a busy disk would slow down every other
        // test.
        let memory = URL(filePath: "/dev/shm")
        let isThere = FileManager.default.isWritableFile(atPath: memory.path)
        let parent = isThere ? memory : FileManager.default.temporaryDirectory
        path = parent.appending(path: "sluice-\(UUID().uuidString)").path
        try! FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit {
        remove()
    }

    package func file(_ name: String) -> String {
        path + "/" + name
    }

    package func text(_ name: String) -> String? {
        (try? Data(contentsOf: URL(filePath: file(name)))).map { String(decoding: $0, as: UTF8.self) }
    }

    package func write(_ name: String, _ text: String) {
        try! Data(text.utf8).write(to: URL(filePath: file(name)))
    }

    package func rename(_ name: String, to other: String) {
        try! FileManager.default.moveItem(atPath: file(name), toPath: file(other))
    }

    package var names: [String] {
        try! FileManager.default.contentsOfDirectory(atPath: path).sorted()
    }

    package func remove() {
        try? FileManager.default.removeItem(atPath: path)
    }
}

extension TemporaryFolder {
    /// Moves another folder into this one.
    package func adopt(_ other: TemporaryFolder, as name: String) {
        try! FileManager.default.moveItem(atPath: other.path, toPath: file(name))
    }
}

extension TemporaryFolder {
    /// Makes a symbolic link to another file of the folder.
    package func link(_ name: String, to other: String) {
        try! FileManager.default.createSymbolicLink(atPath: file(name), withDestinationPath: file(other))
    }

    /// Cuts a file off.
    ///
    /// - Returns: whether it could be.
    package func truncate(_ name: String, to size: Int) -> Bool {
        unsafe Glibc.truncate(file(name), off_t(size)) == 0
    }
}
