import ControlPlane
import Ground

/// What `--verify-audit` does: checks the chain of an audit log, which may be in several files.
package struct AuditVerification {
    /// Why there is no verdict, or a bad one.
    package enum Failure: Error, Equatable, CustomStringConvertible {
        case unreadable(path: String, reason: String)
        case broken(AuditCheck.Flaw)

        package var description: String {
            switch self {
            case .unreadable(let path, let reason): "cannot read \(path): \(reason)"
            case .broken(let flaw): "\(flaw.place): \(flaw.reason)"
            }
        }
    }

    /// A year of changes every second has fewer bytes.
    private static let sizeLimit = 1 << 34

    /// The verdict in words.
    ///
    /// - Parameter paths: the files, the oldest first.
    package static func verify(_ paths: [String]) throws(Failure) -> String {
        var check = AuditCheck()
        for path in paths {
            let bytes = try read(path)
            do throws(AuditCheck.Flaw) {
                try check.take(bytes, of: path)
            } catch {
                throw .broken(error)
            }
        }
        do throws(AuditCheck.Flaw) {
            return text(try check.finish())
        } catch {
            throw .broken(error)
        }
    }

    private static func read(_ path: String) throws(Failure) -> [UInt8] {
        let file: RegularFile
        do throws(RegularFile.OpenError) {
            file = try RegularFile(path: path)
        } catch {
            throw .unreadable(path: path, reason: error.reason)
        }
        do throws(SystemError) {
            return try file.descriptor.readAll(limit: sizeLimit)
        } catch {
            throw .unreadable(path: path, reason: error.reason)
        }
    }

    private static func text(_ summary: AuditCheck.Summary) -> String {
        var lines = ["sound: \(summary.lines) \(summary.lines == 1 ? "line" : "lines")"]
        if let from = summary.from, let until = summary.until { lines[0] += ", from \(from) to \(until)" }
        lines.append("head: \(summary.head.hash)\(summary.first == nil ? "" : ", line \(summary.head.line)")")
        if summary.unchained > 0 {
            lines.append("without a hash, from before the chain began: \(summary.unchained)")
        }
        if let first = summary.first, first > 1 {
            lines.append("the chain begins with line \(first) here: what was before it is not checked")
        }
        if !summary.cut.isEmpty {
            lines.append("cut short when they were written: \(summary.cut.map(\.description).joined(separator: ", "))")
        }
        return lines.joined(separator: "\n")
    }
}
