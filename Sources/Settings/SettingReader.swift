/// Looks settings up, on the command line first, then in the environment, then in the file, and collects the errors.
package struct SettingReader {
    private let flags: [SettingName: [String]]
    private let environment: [String: String]
    private let file: ConfigurationFile?
    /// The errors found so far.
    private(set) var errors: [SettingsError] = []
    /// The source of each setting that was given.
    private(set) var sources: [SettingName: SettingSource] = [:]

    init(flags: [SettingName: [String]], environment: [String: String], file: ConfigurationFile?) {
        self.flags = flags
        self.environment = environment
        self.file = file
    }

    /// The value that is given; `nil` for none, or for an invalid one.
    mutating func read<Value>(_ setting: Setting<Value>) -> Value? {
        guard let (given, source) = strongest(setting.name) else { return nil }
        sources[setting.name] = source
        let parts = setting.kind.isList ? Self.split(given) : given
        do {
            return try setting.form.parse(parts)
        } catch {
            errors.append(
                SettingsError(
                    setting.name, error.culprit ?? parts.joined(separator: ","), from: source, allowed: error.allowed))
            return nil
        }
    }

    private func strongest(_ name: SettingName) -> (values: [String], source: SettingSource)? {
        if let values = flags[name], !values.isEmpty { return (values, .flag) }
        if let value = environment[name.environmentVariable] {
            return ([value], .environment(variable: name.environmentVariable))
        }
        return file.flatMap { file in file.values(of: name).map { ($0, .file(path: file.path)) } }
    }

    /// The values between the commas, without spaces around them; at least one.
    private static func split(_ given: [String]) -> [String] {
        let parts = given.flatMap { $0.split(separator: ",", omittingEmptySubsequences: false) }
        return parts.isEmpty ? [""] : parts.map { $0.trimming { $0 == " " } }
    }
}

extension StringProtocol {
    /// The text without matching characters at either end.
    fileprivate func trimming(_ isBlank: (Character) -> Bool) -> String {
        String(drop(while: isBlank).reversed().drop(while: isBlank).reversed())
    }
}
