/// A setting that can't be used, in one line.
package struct SettingsError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What and why, from the setting's name to what would be allowed.
    package var description: String

    package init(_ description: String) {
        self.description = description
    }

    /// A value that is not allowed.
    init(_ name: SettingName, _ given: String, from source: SettingSource, allowed: String) {
        self.init("\(name.flag) is \"\(given)\" (from \(source)); allowed: \(allowed)")
    }
}

/// All that is wrong with the settings, so that nobody has to find it one by one.
package struct SettingsErrors: Error, Sendable, Equatable {
    /// At least one.
    package var errors: [SettingsError]

    package init(_ errors: [SettingsError]) {
        self.errors = errors
    }
}
