import Configuration
import Yams

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A YAML file of settings: one mapping from a setting's name to its value or, where it takes several, a list.
///
/// ```yaml
/// listen: 0.0.0.0:50050
/// green: [10.0.0.7:50051, 10.0.0.8:50051]
/// health-interval: 500ms
/// ```
package struct ConfigurationFile: Sendable {
    package let path: String
    /// `nil` for a file that holds nothing but comments.
    private let snapshot: YAMLSnapshot?

    /// Reads a file.
    ///
    /// - Throws: `SettingsErrors` that name the file, and each key in it that is unknown or holds the wrong kind.
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

    /// Reads a file's text.
    ///
    /// - Parameter path: only for errors.
    package init(path: String, text: String) throws(SettingsErrors) {
        self.path = path
        do {
            // A document without content is composed as an empty scalar, or not at all.
            guard let root = try Yams.compose(yaml: text), root.scalar?.string != "" else {
                snapshot = nil
                return
            }
            let flaws = Self.flaws(of: root)
            guard flaws.isEmpty else {
                throw SettingsErrors(flaws.map { SettingsError("\(path): \($0)") })
            }
            snapshot = try YAMLSnapshot(
                data: Array(text.utf8).span.bytes, providerName: path, parsingOptions: .default)
        } catch let errors as SettingsErrors {
            throw errors
        } catch {
            let lines = "\(error)".split(separator: "\n").map { $0.drop { $0 == " " } }
            throw SettingsErrors([SettingsError("\(path) is not YAML: \(lines.joined(separator: " "))")])
        }
    }

    /// The value or values of a setting; `nil` where the file doesn't give it.
    func values(of name: SettingName) throws -> [String]? {
        let key = AbsoluteConfigKey([name.rawValue])
        if name.isList, let list = try? snapshot?.value(forKey: key, type: .stringArray).value?.content,
            case .stringArray(let values) = list
        {
            return values
        }
        guard case .string(let value)? = try snapshot?.value(forKey: key, type: .string).value?.content else {
            return nil
        }
        return [value]
    }

    private static func flaws(of root: Node) -> [String] {
        guard let mapping = root.mapping else { return ["the top level is not a mapping of settings to values"] }
        return mapping.compactMap { key, value in
            guard let text = key.string, let name = SettingName(rawValue: text) else {
                let names = SettingName.allCases.map(\.rawValue).joined(separator: ", ")
                return "unknown setting \"\(key.string ?? "?")\"; known: \(names)"
            }
            switch value {
            case .scalar:
                return nil
            case .sequence(let elements) where name.isList:
                return elements.allSatisfy { $0.scalar != nil } ? nil : "\(text) is not a list of plain values"
            default:
                return name.isList ? "\(text) is neither a value nor a list" : "\(text) is not a plain value"
            }
        }
    }
}
