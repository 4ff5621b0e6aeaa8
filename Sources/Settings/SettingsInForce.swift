/// The settings in force in a running process, which may be read again at any time.
package struct SettingsInForce: Sendable {
    /// A setting whose value differs from the one before.
    package struct Difference: Sendable, Equatable {
        /// The setting's name.
        package var name: SettingName
        /// The value that was, or stays, in force; `nil` for none.
        package var inForce: String?
        /// The value that is given now; `nil` for none.
        package var given: String?
    }

    /// The result of reading the settings again.
    package struct Change: Sendable, Equatable {
        /// Differences that are in force now.
        package var followed: [Difference] = []
        /// Differences that take effect only at the next start.
        package var ignored: [Difference] = []
    }

    /// The settings from the start, with live settings as they were last read.
    package private(set) var settings: ProxySettings

    /// - Parameter settings: the settings from the start.
    package init(_ settings: ProxySettings) {
        self.settings = settings
    }

    /// Applies the differences that a running process can follow, and only those.
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
