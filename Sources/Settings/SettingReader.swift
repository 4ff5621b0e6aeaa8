import Configuration
import DurationSyntax

/// Looks settings up, the command line before the environment before the file, and collects what is wrong with them.
struct SettingReader {
    private let flags: [SettingName: [String]]
    private let environment: EnvironmentVariablesProvider
    private let file: ConfigurationFile?
    /// What was found wrong so far.
    private(set) var errors: [SettingsError] = []
    /// Where each setting that was looked up comes from.
    private(set) var sources: [SettingName: SettingSource] = [:]

    init(flags: [SettingName: [String]], environment: [String: String], file: ConfigurationFile?) {
        self.flags = flags
        self.environment = EnvironmentVariablesProvider(environmentVariables: environment)
        self.file = file
    }

    /// Gives `nil` for what can't be a file's path.
    static func path(_ text: String) -> String? {
        text.isEmpty || text.contains("\0") ? nil : text
    }

    /// A PEM file's path.
    mutating func readPEMFile(_ name: SettingName) -> String? {
        read(name, default: nil, allowed: "a PEM file's path") { text -> String?? in
            Self.path(text).map { .some($0) }
        }
    }

    /// `on` or `off`.
    mutating func readSwitch(_ name: SettingName, default standard: Bool) -> Bool {
        read(name, default: standard, allowed: "on, off") { ["on": true, "off": false][$0] }
    }

    /// A setting with one value.
    ///
    /// - Parameters:
    ///   - standard: the value where nobody gives one, or where the one given is wrong.
    ///   - allowed: what an error says is allowed.
    ///   - parse: gives `nil` for what is not allowed.
    mutating func read<Value>(
        _ name: SettingName, default standard: Value, allowed: String, _ parse: (String) -> Value?
    ) -> Value {
        readAll(name, default: [standard], allowed: allowed, parse)[0]
    }

    /// A setting with at least one value.
    mutating func readAll<Value>(
        _ name: SettingName, default standard: [Value], allowed: String, _ parse: (String) -> Value?
    ) -> [Value] {
        guard let (given, source) = lookUp(name) else { return standard }
        var values: [Value] = []
        for text in given {
            guard let value = parse(text) else {
                let whole = given.joined(separator: ",")
                let culprit = given.count > 1 ? ", which \"\(text)\" is not" : ""
                errors.append(SettingsError(name, whole, from: source, allowed: allowed + culprit))
                return standard
            }
            values.append(value)
        }
        return values
    }

    mutating func readInteger(_ name: SettingName, default standard: Int, in range: ClosedRange<Int>) -> Int {
        read(name, default: standard, allowed: "a whole number from \(range.lowerBound) to \(range.upperBound)") {
            text in
            // Int(_:) takes a plus sign too, which nobody means.
            text.utf8.allSatisfy { (0x30...0x39).contains($0) }
                ? Int(text).flatMap { range.contains($0) ? $0 : nil } : nil
        }
    }

    mutating func readDuration(
        _ name: SettingName, default standard: Duration, in range: ClosedRange<Duration>
    ) -> Duration {
        let allowed =
            "a duration from \(range.lowerBound.text) to \(range.upperBound.text), such as 250ms, 30s or 5m"
        return read(name, default: standard, allowed: allowed) { text in
            Duration(text: text).flatMap { range.contains($0) ? $0 : nil }
        }
    }

    /// A duration, or `off` for none.
    mutating func readDurationOrOff(
        _ name: SettingName, default standard: Duration?, in range: ClosedRange<Duration>
    ) -> Duration? {
        let allowed =
            "off, or a duration from \(range.lowerBound.text) to \(range.upperBound.text), such as 30s or 5m"
        return read(name, default: standard, allowed: allowed) { text -> Duration?? in
            if text == "off" { return .some(nil) }
            return Duration(text: text).flatMap { range.contains($0) ? .some($0) : nil }
        }
    }

    /// Adds what is wrong with settings together.
    mutating func reject(_ name: SettingName, _ given: String, allowed: String) {
        errors.append(SettingsError(name, given, from: source(of: name), allowed: allowed))
    }

    func source(of name: SettingName) -> SettingSource {
        sources[name] ?? .standard
    }

    private mutating func lookUp(_ name: SettingName) -> (values: [String], source: SettingSource)? {
        guard let (given, source) = strongest(name) else { return nil }
        sources[name] = source
        guard name.isList else { return (given, source) }
        let parts = given.flatMap { $0.split(separator: ",", omittingEmptySubsequences: false) }
        return (parts.isEmpty ? [""] : parts.map { $0.trimming { $0 == " " } }, source)
    }

    private mutating func strongest(_ name: SettingName) -> (values: [String], source: SettingSource)? {
        if let values = flags[name], !values.isEmpty { return (values, .flag) }
        if let value = try? environment.environmentValue(forName: name.environmentVariable) {
            return ([value], .environment(variable: name.environmentVariable))
        }
        guard let file else { return nil }
        do {
            return try file.values(of: name).map { ($0, .file(path: file.path)) }
        } catch {
            errors.append(SettingsError("\(file.path): \(name.rawValue): \(error)"))
            return nil
        }
    }
}

extension StringProtocol {
    /// Without what is at its two ends and looks like this.
    fileprivate func trimming(_ isBlank: (Character) -> Bool) -> String {
        String(drop(while: isBlank).reversed().drop(while: isBlank).reversed())
    }
}
