/// All settings of the Proxy, by group.
package enum SettingTable {
    package static let addresses = AddressSettings()
    package static let process = ProcessSettings()
    package static let health = HealthSettings()
    package static let colors = ColorSettings()
    package static let preview = PreviewSettings()
    package static let releases = ReleaseSettings()
    package static let events = EventSettings()
    package static let files = FileSettings()
    package static let admin = AdminSettings()
    package static let clientTLS = ClientTLSSettings()
    package static let upstreamTLS = UpstreamTLSSettings()
    package static let clients = ClientLimitSettings()
    package static let abuse = AbuseLimitSettings()
    package static let memory = MemoryLimitSettings()
    package static let calls = CallLimitSettings()
    package static let upstreams = UpstreamLimitSettings()

    /// In the order in which they are shown and read.
    package static let groups: [any SettingGroup] = [
        addresses, process, health, colors, preview, releases, events, files, admin, clientTLS, upstreamTLS, clients,
        abuse,
        memory,
        calls, upstreams,
    ]

    /// All settings, in the order in which they are shown and read.
    package static let settings = groups.flatMap(\.settings)

    private static let byName = Dictionary(uniqueKeysWithValues: settings.map { ($0.name.description, $0) })

    /// The setting with this name in the file; `nil` if there is none.
    package static func setting(named name: String) -> (any DeclaredSetting)? { byName[name] }
}
