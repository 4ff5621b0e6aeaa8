/// One setting: everything about it except the purpose of its value, which is documented at the property of
/// `ProxySettings` that holds it.
///
/// Flags and `--help`, the environment, the file, `--check`, a reload and docs/SETTINGS.md are all derived from this.
package struct Setting<Value: Sendable>: DeclaredSetting {
    package let name: SettingName
    /// How values are written, and which are allowed.
    let form: SettingForm<Value>
    package let isLive: Bool
    package let help: String
    /// The property that holds the value; its initial value is the default.
    private let path: any WritableKeyPath<ProxySettings, Value> & Sendable
    package let standardInWords: String?

    /// - Parameters:
    ///   - path: the property that holds the value. Its initial value is the default.
    ///   - isLive: whether a running Proxy follows the setting at SIGHUP. `LiveParts` must then apply it.
    ///   - standardInWords: the default, if the property can't give it.
    ///   - help: what the setting does, in full sentences. Other flags are named as they are written.
    init(
        _ name: String, _ path: any WritableKeyPath<ProxySettings, Value> & Sendable, _ form: SettingForm<Value>,
        isLive: Bool = false, standardInWords: String? = nil, help: String
    ) {
        self.name = SettingName(name)
        self.path = path
        self.form = form
        self.isLive = isLive
        self.standardInWords = standardInWords
        self.help = help
    }

    package var placeholder: String { form.placeholder }
    package var values: String { form.values }
    package var kind: SettingKind { form.kind }
    package var standard: String? { text(in: ProxySettings()) }

    package func text(in settings: ProxySettings) -> String? {
        form.text(settings[keyPath: path])
    }

    package func read(_ reader: inout SettingReader, into settings: inout ProxySettings) {
        if let value = reader.read(self) { settings[keyPath: path] = value }
    }

    package func copy(from source: ProxySettings, to target: inout ProxySettings) {
        target[keyPath: path] = source[keyPath: path]
    }
}

/// A `Setting`, whatever the type of its values.
package protocol DeclaredSetting: Sendable {
    var name: SettingName { get }
    var kind: SettingKind { get }
    /// The placeholder for a value in `--help`: `DURATION|off`.
    var placeholder: String { get }
    /// The allowed values, in a few words: `1 to 1024`.
    var values: String { get }
    /// The default value; `nil` for none.
    var standard: String? { get }
    /// The default in words, if `standard` can't give it.
    var standardInWords: String? { get }
    /// Whether a running Proxy follows it at SIGHUP; other settings need a restart.
    var isLive: Bool { get }
    /// What the setting does, in full sentences.
    var help: String { get }

    /// The value as it would be written; `nil` for none.
    func text(in settings: ProxySettings) -> String?

    /// Reads the value, if it is given. If it is invalid, the reader keeps the error and the settings stay as they are.
    func read(_ reader: inout SettingReader, into settings: inout ProxySettings)

    /// Copies the value from one set of settings to another.
    func copy(from source: ProxySettings, to target: inout ProxySettings)
}

/// The ways in which a setting takes its value.
package enum SettingKind: Sendable {
    case value
    /// Several values: separated by commas, or a list in the file.
    case list
    /// Like `list`, and its flag may be repeated.
    case repeatedList
    /// `on` or `off`; its flag alone means `on`.
    case `switch`

    /// Whether it takes several values.
    var isList: Bool { self == .list || self == .repeatedList }
}
