/// A setting's name, as the file has it: `health-check`.
package struct SettingName: Hashable, Sendable, CustomStringConvertible {
    package let description: String

    init(_ description: String) {
        self.description = description
    }

    /// As on the command line: `--health-check`.
    package var flag: String { "--" + description }

    /// As in the environment: `SLUICE_HEALTH_CHECK`.
    package var environmentVariable: String {
        "SLUICE_" + description.uppercased().replacing("-", with: "_")
    }
}
