/// One setting: all that is known of it but what its value is for, which the property of `ProxySettings` says that it
/// goes to.
///
/// Flags and `--help`, the environment, the file, `--check`, a reload and docs/SETTINGS.md all go by this.
package struct Setting<Value: Sendable>: DeclaredSetting {
    package let name: SettingName
    /// How values are written, and which there are.
    let form: SettingForm<Value>
    package let isLive: Bool
    package let help: String
    /// Where the value goes, and where the default is.
    private let path: any WritableKeyPath<ProxySettings, Value> & Sendable
    package let standardInWords: String?

    /// - Parameters:
    ///   - path: the property that the value goes to. What it is at first is the default.
    ///   - isLive: whether a running Proxy follows it at SIGHUP. Who says so here must see to it in `LiveParts`.
    ///   - standardInWords: the default, where the property can't tell it.
    ///   - help: what it sets, in whole sentences. Names of further flags as they are written.
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

/// A `Setting`, whatever its values are.
package protocol DeclaredSetting: Sendable {
    var name: SettingName { get }
    var kind: SettingKind { get }
    /// Stands for a value in `--help`: `DURATION|off`.
    var placeholder: String { get }
    /// What it may be, in few words: `1 to 1024`.
    var values: String { get }
    /// The value where nobody gives one; `nil` for none.
    var standard: String? { get }
    /// What happens where nobody gives one, if `standard` doesn't tell it.
    var standardInWords: String? { get }
    /// Whether a running Proxy follows it at SIGHUP; what isn't live needs a new start.
    var isLive: Bool { get }
    /// What it sets, in whole sentences.
    var help: String { get }

    /// The value as it would be written; `nil` for none.
    func text(in settings: ProxySettings) -> String?

    /// Takes the value from where it is given, if it is. What is wrong with it, the reader keeps; then nothing changes.
    func read(_ reader: inout SettingReader, into settings: inout ProxySettings)

    func copy(from source: ProxySettings, to target: inout ProxySettings)
}

/// How a setting is given.
package enum SettingKind: Sendable {
    case value
    /// Several values: with commas, or as a list in the file.
    case list
    /// As `list`, and its flag may be repeated.
    case repeatedList
    /// `on` or `off`; its flag alone means `on`.
    case `switch`

    /// Whether it takes several values.
    var isList: Bool { self == .list || self == .repeatedList }
}
