/// A setting that can't be used, described in one line.
package struct SettingsError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The setting's name, what is wrong with it, and what would be allowed.
    package var description: String

    package init(_ description: String) {
        self.description = description
    }

    /// A value that is not allowed.
    init(_ name: SettingName, _ given: String, from source: SettingSource, allowed: String) {
        self.init("\(name.flag) is \"\(given)\" (from \(source)); allowed: \(allowed)")
    }
}

/// All errors in the settings, so that they needn't be found one by one.
package struct SettingsErrors: Error, Sendable, Equatable {
    /// At least one.
    package var errors: [SettingsError]

    package init(_ errors: [SettingsError]) {
        self.errors = errors
    }
}
