import Settings
import Testing

@Suite struct SettingsInForceTests {
    private func read(_ yaml: String) throws -> ProxySettings {
        try ProxySettings(
            flags: [:], environment: [:], file: try ConfigurationFile(path: "proxy.yaml", text: yaml), cores: 2)
    }

    private let live: Set<SettingName> = [.logLevel, .drainTimeout, .idleTimeout]

    @Test func tellsWhatIsFollowedAndWhatIsNot() throws {
        var inForce = SettingsInForce(try read("log-level: info\nworkers: 2\nstate-file: a"))
        let change = inForce.follow(
            try read("log-level: debug\nworkers: 3\nstate-file: a\ndrain-timeout: 1m\ntls-cert: c\ntls-key: k"),
            live: live)
        #expect(change == .init(followed: [.logLevel, .drainTimeout], ignored: [.workers, .tlsCert, .tlsKey]))
        #expect(inForce.text(of: .logLevel) == "debug")
        #expect(inForce.text(of: .drainTimeout) == "1m")
        #expect(inForce.text(of: .workers) == "2")
        #expect(inForce.text(of: .tlsCert) == nil)
    }

    @Test func tellsOfWhatIsNotFollowedEachTime() throws {
        var inForce = SettingsInForce(try read("workers: 2"))
        for _ in 1...2 {
            #expect(inForce.follow(try read("workers: 3"), live: live) == .init(followed: [], ignored: [.workers]))
        }
        #expect(inForce.follow(try read("workers: 2"), live: live) == .init(followed: [], ignored: []))
    }

    @Test func goesBackToADefault() throws {
        var inForce = SettingsInForce(try read("idle-timeout: 1m"))
        #expect(inForce.follow(try read(""), live: live) == .init(followed: [.idleTimeout], ignored: []))
        #expect(inForce.text(of: .idleTimeout) == "3m")
        #expect(inForce.follow(try read(""), live: live) == .init(followed: [], ignored: []))
    }

    @Test func theLimitsAreSettings() {
        #expect(SettingName.limits.count == 34)
        #expect(SettingName.limits.isSuperset(of: [.idleTimeout, .maxHeaderListSize, .goawayTimeout]))
        #expect(SettingName.limits.isDisjoint(with: [.workers, .drainTimeout, .healthTimeout]))
    }
}
