import Connections
import DataPlane
import Settings
import Testing

@Suite struct SettingsInForceTests {
    private func read(_ yaml: String) throws -> ProxySettings {
        try SettingsTests.read([:], [:], yaml)
    }

    private func names(_ differences: [SettingsInForce.Difference]) -> [String] {
        differences.map(\.name.description)
    }

    @Test func tellsLiveSettingsFromOthers() throws {
        var inForce = SettingsInForce(try read("log-level: info\nworkers: 2\nstate-file: a"))
        let change = inForce.follow(
            try read("log-level: debug\nworkers: 3\nstate-file: a\ndrain-timeout: 1m\ntls-cert: c\ntls-key: k"))
        #expect(names(change.followed) == ["drain-timeout", "log-level"])
        #expect(names(change.ignored) == ["workers", "tls-cert", "tls-key"])
        #expect(change.followed.map(\.inForce) == ["off", "info"])
        #expect(change.followed.map(\.given) == ["1m", "debug"])
        #expect(change.ignored.map(\.inForce) == ["2", nil, nil])
        #expect(change.ignored.map(\.given) == ["3", "c", "k"])
    }

    /// A reload must not hand the running Proxy settings that it can't follow, such as other endpoints.
    @Test func takesOverLiveSettingsOnly() throws {
        let start = try SettingsTests.read()
        let given = try SettingsTests.read(otherThanDefault.mapValues { [$0] })
        var inForce = SettingsInForce(start)
        let change = inForce.follow(given)
        #expect(change.followed.count + change.ignored.count == SettingTable.settings.count)
        for setting in SettingTable.settings {
            let expected = setting.isLive ? given : start
            #expect(setting.text(in: inForce.settings) == setting.text(in: expected), "\(setting.name)")
            #expect(inForce.settings.source(of: setting) == expected.source(of: setting), "\(setting.name)")
            #expect(names(setting.isLive ? change.followed : change.ignored).contains(setting.name.description))
        }
    }

    @Test func namesIgnoredSettingsEachTime() throws {
        var inForce = SettingsInForce(try read("workers: 2"))
        for _ in 1...2 {
            let change = inForce.follow(try read("workers: 3"))
            #expect(names(change.ignored) == ["workers"])
            #expect(change.followed == [])
        }
        let change = inForce.follow(try read("workers: 2"))
        #expect(change.ignored == [] && change.followed == [])
    }

    @Test func goesBackToADefault() throws {
        var inForce = SettingsInForce(try read("idle-timeout: 1m"))
        let back = inForce.follow(try read(""))
        #expect(names(back.followed) == ["idle-timeout"])
        #expect(inForce.settings.limits.idleTimeout == .seconds(180))
        #expect(inForce.settings.source(of: SettingTable.clients.idleTimeout) == .standard)
        let change = inForce.follow(try read(""))
        #expect(change.ignored == [] && change.followed == [])
    }
}
