import Settings
import Testing

/// Settings as flags give them.
///
/// - Parameter flags: by name, without dashes.
func settings(_ flags: [String: String] = [:]) throws -> ProxySettings {
    let given = try flags.map { name, value in
        (try #require(SettingTable.setting(named: name)).name, [value])
    }
    return try ProxySettings(flags: Dictionary(uniqueKeysWithValues: given), environment: [:], file: nil, cores: 1)
}
