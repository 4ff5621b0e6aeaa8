/// Related settings: a section of `--help` and of docs/SETTINGS.md.
///
/// Its stored properties are its settings: whatever is declared in it is in the table.
package protocol SettingGroup: Sendable {
    static var title: String { get }

    init()
}

extension SettingGroup {
    /// In the order of declaration.
    package var settings: [any DeclaredSetting] {
        Mirror(reflecting: self).children.compactMap { $0.value as? any DeclaredSetting }
    }
}
