import FoundationEssentials
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

    /// Reads a file.
    ///
    /// - Throws: `SettingsErrors` that name the file, and each key in it that is unknown or has a value of the wrong
    ///   kind.
    package init(path: String) throws(SettingsErrors) {
        let text: String
        do {
            text = try String(contentsOfFile: path, encoding: .utf8)
        } catch {
            let reason = (error as? CocoaError)?.code == .fileReadNoSuchFile ? "there is no such file" : "\(error)"
            throw SettingsErrors([SettingsError("--config is \"\(path)\", which can't be read: \(reason)")])
        }
        try self.init(path: path, text: text)
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
            values = [:]
            return
        }
        let flaws = Self.flaws(of: root)
        guard flaws.isEmpty else { throw SettingsErrors(flaws.map { SettingsError("\(path): \($0)") }) }
        let pairs = (root.mapping ?? [:]).map { key, value in
            (key.string ?? "", value.sequence?.compactMap(\.scalar?.string) ?? [value.scalar?.string ?? ""])
        }
        values = Dictionary(pairs) { first, _ in first }
    }

    /// The value or values of a setting; `nil` if the file doesn't contain it.
    func values(of name: SettingName) -> [String]? { values[name.description] }

    private static func flaws(of root: Node) -> [String] {
        guard let mapping = root.mapping else { return ["the top level is not a mapping of settings to values"] }
        return mapping.compactMap { key, value in
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
}
