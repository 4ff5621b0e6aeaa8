import ControlPlane
import DataPlane
import Ground
import Synchronization
import TestSupport

/// An audit log in a folder of its own, with what it has warned of.
struct AuditBench {
    let folder = TemporaryFolder()
    private let heard = Warnings()

    private final class Warnings: Sendable {
        let all = Mutex<[String]>([])
    }

    var path: String { folder.file("audit.log") }
    var warnings: [String] { heard.all.withLock { $0 } }

    /// Opens the log as a process that starts does.
    func open() throws -> AuditLog {
        try AuditLog(path: path) { [heard] warning in heard.all.withLock { $0.append(warning) } }
    }

    static func entry(_ epoch: UInt64) -> AuditEntry {
        AuditEntry(
            Change(
                epoch: epoch, action: .switch, from: .blue, to: .green,
                at: Timestamp(milliseconds: Int64(epoch) * 1000), who: "someone"))
    }

    func text(_ name: String = "audit.log") -> String { folder.text(name) ?? "" }

    /// Checks the chain over files, the oldest first.
    func check(_ names: String...) throws(AuditCheck.Flaw) -> AuditCheck.Summary {
        try Self.check(names.map { ($0, text($0)) })
    }

    static func check(_ files: [(name: String, text: String)]) throws(AuditCheck.Flaw) -> AuditCheck.Summary {
        var check = AuditCheck()
        for (name, text) in files { try check.take(Array(text.utf8), of: name) }
        return try check.finish()
    }
}
