/// A setting's name, as written in the file: `health-check`.
package struct SettingName: Hashable, Sendable, CustomStringConvertible {
    package let description: String

    init(_ description: String) {
        self.description = description
    }

    /// The name on the command line: `--health-check`.
    package var flag: String { "--" + description }

    /// The name in the environment: `SLUICE_HEALTH_CHECK`.
    package var environmentVariable: String {
        "SLUICE_" + description.uppercased().replacing("-", with: "_")
    }
}
