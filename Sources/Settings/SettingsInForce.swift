/// The settings that a running process follows, as text, while they are read again and again.
package struct SettingsInForce: Sendable {
    /// What reading the settings again has come to.
    package struct Change: Sendable, Equatable {
        /// Those that are different now, and followed.
        package var followed: [SettingName]
        /// Those that are different where they were read from, but not followed until the next start.
        package var ignored: [SettingName]

        package init(followed: [SettingName], ignored: [SettingName]) {
            self.followed = followed
            self.ignored = ignored
        }
    }

    private var texts: [SettingName: String]

    /// What the process was started with.
    package init(_ settings: ProxySettings) {
        texts = Dictionary(
            uniqueKeysWithValues: SettingName.allCases.compactMap { name in settings.text(of: name).map { (name, $0) } }
        )
    }

    /// What is in force; `nil` for a setting without a value.
    package func text(of name: SettingName) -> String? { texts[name] }

    /// Takes over what can change.
    ///
    /// - Parameter live: the settings that a running process can follow.
    package mutating func follow(_ settings: ProxySettings, live: Set<SettingName>) -> Change {
        var change = Change(followed: [], ignored: [])
        for name in SettingName.allCases where texts[name] != settings.text(of: name) {
            if live.contains(name) {
                change.followed.append(name)
                texts[name] = settings.text(of: name)
            } else {
                change.ignored.append(name)
            }
        }
        return change
    }
}
