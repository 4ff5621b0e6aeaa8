import Glibc
import Ground
import Yams

/// A YAML file of settings: one mapping from a setting's name to its value, or to a list if it takes several.
///
/// ```yaml
/// listen: 0.0.0.0:50050
/// green: [10.0.0.7:50051, 10.0.0.8:50051]
/// health-interval: 500ms
/// ```
package struct ConfigurationFile: Sendable {
    /// The file's path, as it was given.
    package let path: String
    /// Values as written, without quotes. YAML's types don't apply: `on` is the text `on`, not true.
    private let values: [String: [String]]

    /// One for each key that is unknown or has a value of the wrong kind; that key counts as not given. They belong
    /// with the errors in the other keys' values, so that all are told at once.
    let flaws: [SettingsError]

    /// The largest size in bytes: a file of settings is far smaller.
    private static let largestSize = 1 << 20

    /// Reads a file.
    ///
    /// - Throws: `SettingsErrors` with one error that names the file: it can't be read, or is no mapping in YAML.
    package init(path: String) throws(SettingsErrors) {
        let bytes: [UInt8]
        do throws(SystemError) {
            let file = try FileDescriptor(retrying { unsafe open(path, O_RDONLY | O_CLOEXEC) }, "open")
            bytes = try file.readAll(limit: Self.largestSize)
        } catch {
            throw Self.unreadable(path, error.code == ENOENT ? "there is no such file" : error.reason)
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw Self.unreadable(path, "it is not text in UTF-8")
        }
        try self.init(path: path, text: text)
    }

    private static func unreadable(_ path: String, _ reason: String) -> SettingsErrors {
        SettingsErrors([SettingsError("--config is \"\(path)\", which can't be read: \(reason)")])
    }

    /// Parses a file's text.
    ///
    /// - Parameter path: used only in errors.
    package init(path: String, text: String) throws(SettingsErrors) {
        self.path = path
        let root: Node?
        do {
            root = try Yams.compose(yaml: text)
        } catch {
            let lines = "\(error)".split(separator: "\n").map { $0.drop { $0 == " " } }
            throw SettingsErrors([SettingsError("\(path) is not YAML: \(lines.joined(separator: " "))")])
        }
        // The parser represents a document without content as an empty scalar, or not at all.
        guard let root, root.scalar?.string != "" else {
            (values, flaws) = ([:], [])
            return
        }
        guard let mapping = root.mapping else {
            throw SettingsErrors([SettingsError("\(path): the top level is not a mapping of settings to values")])
        }
        var values: [String: [String]] = [:]
        var flaws: [SettingsError] = []
        for (key, value) in mapping {
            if let flaw = Self.flaw(of: key, value) {
                flaws.append(SettingsError("\(path): \(flaw)"))
            } else {
                values[key.string ?? ""] = value.sequence?.compactMap(\.scalar?.string) ?? [value.scalar?.string ?? ""]
            }
        }
        (self.values, self.flaws) = (values, flaws)
    }

    /// The value or values of a setting; `nil` if the file doesn't contain it.
    func values(of name: SettingName) -> [String]? { values[name.description] }

    /// What is wrong with a key or the kind of its value; `nil` for nothing.
    private static func flaw(of key: Node, _ value: Node) -> String? {
        guard let text = key.string, let setting = SettingTable.setting(named: text) else {
            let names = SettingTable.settings.map(\.name.description).joined(separator: ", ")
            return "unknown setting \"\(key.string ?? "?")\"; known: \(names)"
        }
        switch value {
        case .scalar:
            return nil
        case .sequence(let elements) where setting.kind.isList:
            return elements.allSatisfy { $0.scalar != nil } ? nil : "\(text) is not a list of plain values"
        default:
            return setting.kind.isList ? "\(text) is neither a value nor a list" : "\(text) is not a plain value"
        }
    }
}
