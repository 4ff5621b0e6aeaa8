/// The settings that a running process goes by, while they are read again and again.
package struct SettingsInForce: Sendable {
    /// A setting that is given in another way than before.
    package struct Difference: Sendable, Equatable {
        package var name: SettingName
        /// What was, or stays, in force; `nil` for none.
        package var inForce: String?
        /// What is given now; `nil` for none.
        package var given: String?
    }

    /// What reading the settings again has come to.
    package struct Change: Sendable, Equatable {
        /// What is in force now.
        package var followed: [Difference] = []
        /// What isn't until the next start.
        package var ignored: [Difference] = []
    }

    /// What the process was started with and, where a setting is live, what was read last.
    package private(set) var settings: ProxySettings

    /// - Parameter settings: what the process was started with.
    package init(_ settings: ProxySettings) {
        self.settings = settings
    }

    /// Takes over what can change, and nothing else.
    package mutating func follow(_ given: ProxySettings) -> Change {
        var change = Change()
        for setting in SettingTable.settings {
            let difference = Difference(
                name: setting.name, inForce: setting.text(in: settings), given: setting.text(in: given))
            if setting.isLive { settings.take(setting, from: given) }
            guard difference.inForce != difference.given else { continue }
            if setting.isLive { change.followed.append(difference) } else { change.ignored.append(difference) }
        }
        return change
    }
}
