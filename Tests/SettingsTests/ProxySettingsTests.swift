import DataPlane
import Ground
import HealthCheck
import Logging
import Settings
import Testing

@Suite struct ProxySettingsTests {
    private func read(
        _ flags: [SettingName: [String]] = [:], _ environment: [String: String] = [:], _ yaml: String? = nil
    ) throws(SettingsErrors) -> ProxySettings {
        var file: ConfigurationFile?
        if let yaml { file = try ConfigurationFile(path: "proxy.yaml", text: yaml) }
        return try ProxySettings(flags: flags, environment: environment, file: file, cores: 3)
    }

    private func errors(
        _ flags: [SettingName: [String]] = [:], _ environment: [String: String] = [:], _ yaml: String? = nil
    ) -> [String] {
        do {
            _ = try read(flags, environment, yaml)
            return []
        } catch {
            return error.errors.map(\.description)
        }
    }

    @Test func hasDefaults() throws {
        let settings = try read()
        #expect(settings.listen == Endpoint(host: "0.0.0.0", port: 50050))
        #expect(settings.admin == Endpoint(host: "127.0.0.1", port: 9901))
        #expect(settings.endpoints.blue == [Endpoint(host: "127.0.0.1", port: 50051)])
        #expect(settings.endpoints.green == [Endpoint(host: "127.0.0.1", port: 50052)])
        #expect(settings.workers == 3)
        #expect(settings.busyPoll == nil)
        #expect(settings.healthChecks == [.grpc(service: "")])
        #expect(settings.healthInterval == .seconds(1))
        #expect(settings.healthTimeout == .seconds(1))
        #expect(settings.healthRise == 2)
        #expect(settings.healthFall == 3)
        #expect(settings.initial == .blue)
        #expect(settings.stateFile == "sluice-state.json")
        #expect(settings.auditLog == "sluice-audit.jsonl")
        #expect(settings.accessLog == .standardOutput)
        #expect(settings.logLevel == .info)
        #expect(settings.adminTokenFile == nil)
        #expect(settings.shutdownGrace == .seconds(30))
        #expect(settings.restartGrace == nil)
        #expect(settings.drainTimeout == nil)
        #expect(settings.tls == nil)
        #expect(settings.upstreamTLS == nil)
        #expect(settings.adminTLS == nil)
        #expect(!settings.failover)
        #expect(settings.limits.maxConcurrentStreams == 100)
        #expect(settings.limits.maxConnections == 10_000)
        #expect(settings.limits.idleTimeout == .seconds(180))
        #expect(settings.limits.streamIdleTimeout == nil)
        #expect(settings.limits.upstreamKeepalive == .seconds(330))
        #expect(settings.source(of: .listen) == .standard)
    }

    /// Every flag, with a value that is not its default and is written as `text(of:)` writes it.
    private static let everyFlag: [SettingName: [String]] = [
        .listen: ["[::1]:0"], .admin: ["0.0.0.0:9000"], .blue: ["b1:1,b2:2"], .green: ["[fe80::1]:3"],
        .workers: ["8"], .busyPoll: ["5ms"], .healthCheck: ["grpc:pkg.Service,http:/health?a=b,tcp"],
        .healthInterval: ["250ms"],
        .healthTimeout: ["2s"], .healthRise: ["1"], .healthFall: ["5"], .initial: ["green"],
        .stateFile: ["/var/lib/s.json"], .auditLog: ["/var/log/a.jsonl"], .accessLog: ["/var/log/access"],
        .logLevel: ["debug"], .adminTokenFile: ["/run/secrets/token"], .shutdownGrace: ["1m30s"], .restartGrace: ["1h"],
        .drainTimeout: ["2m"],
        .adminTLSCert: ["/etc/ac.pem"], .adminTLSKey: ["/etc/ak.pem"],
        .tlsCert: ["/etc/c.pem"], .tlsKey: ["/etc/k.pem"], .tlsClientCA: ["/etc/ca.pem"],
        .forwardClientIdentity: ["on"], .upstreamTLS: ["on"], .upstreamTLSCA: ["/etc/uca.pem"],
        .upstreamTLSCert: ["/etc/uc.pem"], .upstreamTLSKey: ["/etc/uk.pem"],
        .upstreamTLSServerName: ["backend.internal"], .failover: ["on"],
        .maxConcurrentStreams: ["250"], .maxConnections: ["20"], .idleTimeout: ["off"],
        .streamIdleTimeout: ["10m"], .upstreamKeepalive: ["1m"], .streamWindow: ["1024"],
        .connectionWindow: ["2097152"], .maxHeaderListSize: ["8192"], .maxHeaderFields: ["50"], .resetBudget: ["20"],
        .resetRefill: ["1s"], .trustedPeers: ["10.0.0.0/8,fd00::1/128"], .proxyProtocol: ["192.0.2.0/24"],
        .controlFrameBudget: ["500"],
        .minPingInterval: ["0s"],
        .maxBufferedBytes: ["1073741824"], .maxReplayBytes: ["0"], .maxUpstreamStreams: ["100"],
        .maxUpstreamConnections: ["2"], .upstreamResets: ["150"], .maxWaiting: ["30"], .waitTimeout: ["7s"],
        .revealUpstream: ["on"], .connectTimeout: ["250ms"], .prefaceTimeout: ["3s"], .headerTimeout: ["4s"],
        .writeTimeout: ["5s"], .deadlineGrace: ["0s"], .upstreamKeepaliveTimeout: ["2s"], .ejectionThreshold: ["1"],
        .ejectionTime: ["1m"], .minConnectBackoff: ["10ms"], .maxConnectBackoff: ["30s"], .goawayTimeout: ["500ms"],
    ]

    @Test func takesEveryFlag() throws {
        let settings = try read(Self.everyFlag)
        #expect(settings.listen == Endpoint(host: "::1", port: 0))
        #expect(settings.admin == Endpoint(host: "0.0.0.0", port: 9000))
        #expect(settings.endpoints.blue == [Endpoint(host: "b1", port: 1), Endpoint(host: "b2", port: 2)])
        #expect(settings.endpoints.green == [Endpoint(host: "fe80::1", port: 3)])
        #expect(settings.workers == 8)
        #expect(settings.busyPoll == .milliseconds(5))
        #expect(settings.healthChecks == [.grpc(service: "pkg.Service"), .http(path: "/health?a=b"), .tcp])
        #expect(settings.healthInterval == .milliseconds(250))
        #expect(settings.healthTimeout == .seconds(2))
        #expect(settings.healthRise == 1)
        #expect(settings.healthFall == 5)
        #expect(settings.initial == .green)
        #expect(settings.stateFile == "/var/lib/s.json")
        #expect(settings.auditLog == "/var/log/a.jsonl")
        #expect(settings.accessLog == .file(path: "/var/log/access"))
        #expect(settings.logLevel == .debug)
        #expect(settings.adminTokenFile == "/run/secrets/token")
        #expect(settings.shutdownGrace == .seconds(90))
        #expect(settings.restartGrace == .seconds(3600))
        #expect(settings.drainTimeout == .seconds(120))
        #expect(settings.adminTLS?.certificate == "/etc/ac.pem")
        #expect(settings.adminTLS?.key == "/etc/ak.pem")
        #expect(settings.tls?.identity.certificate == "/etc/c.pem")
        #expect(settings.tls?.identity.key == "/etc/k.pem")
        #expect(settings.tls?.clientAuthority == "/etc/ca.pem")
        #expect(settings.tls?.forwardsClientIdentity == true)
        #expect(settings.upstreamTLS?.authority == "/etc/uca.pem")
        #expect(settings.upstreamTLS?.identity?.certificate == "/etc/uc.pem")
        #expect(settings.upstreamTLS?.identity?.key == "/etc/uk.pem")
        #expect(settings.upstreamTLS?.serverName == "backend.internal")
        #expect(settings.failover)
        let limits = settings.limits
        #expect(limits.maxConcurrentStreams == 250)
        #expect(limits.maxConnections == 20)
        #expect(limits.streamWindow == 1024)
        #expect(limits.connectionWindow == 2 << 20)
        #expect(limits.maxHeaderListSize == 8192)
        #expect(limits.maxHeaderFields == 50)
        #expect(limits.resetBudget == 20)
        #expect(limits.resetRefill == .seconds(1))
        #expect(limits.proxyProtocol.map(\.description) == ["192.0.2.0/24"])
        #expect(limits.trustedPeers.map(\.description) == ["10.0.0.0/8", "fd00::1/128"])
        #expect(limits.controlFrameBudget == 500)
        #expect(limits.minPingInterval == .zero)
        #expect(limits.maxBufferedBytes == 1 << 30)
        #expect(limits.maxReplayBytes == 0)
        #expect(limits.maxStreamsPerUpstreamConnection == 100)
        #expect(limits.maxConnectionsPerEndpoint == 2)
        #expect(limits.upstreamResets == 150)
        #expect(limits.maxWaiting == 30)
        #expect(limits.waitTimeout == .seconds(7))
        #expect(limits.revealsUpstreams)
        #expect(limits.connectTimeout == .milliseconds(250))
        #expect(limits.prefaceTimeout == .seconds(3))
        #expect(limits.headerTimeout == .seconds(4))
        #expect(limits.writeTimeout == .seconds(5))
        #expect(limits.idleTimeout == nil)
        #expect(limits.streamIdleTimeout == .seconds(600))
        #expect(limits.deadlineGrace == .zero)
        #expect(limits.upstreamKeepalive == .seconds(60))
        #expect(limits.keepaliveTimeout == .seconds(2))
        #expect(limits.ejectionThreshold == 1)
        #expect(limits.ejectionTime == .seconds(60))
        #expect(limits.minConnectBackoff == .milliseconds(10))
        #expect(limits.maxConnectBackoff == .seconds(30))
        #expect(limits.goAwayTimeout == .milliseconds(500))
        for name in SettingName.allCases { #expect(settings.source(of: name) == .flag) }
    }

    @Test func flagsComeBeforeEnvironmentBeforeFile() throws {
        let yaml = "workers: 5\nhealth-rise: 6\nhealth-fall: 7\n"
        let environment = ["SLUICE_WORKERS": "10", "SLUICE_HEALTH_RISE": "11", "SLUICE_ADMIN_SERVICE_HOST": "x"]
        let settings = try read([.workers: ["20"]], environment, yaml)
        #expect(settings.workers == 20)
        #expect(settings.healthRise == 11)
        #expect(settings.healthFall == 7)
        #expect(settings.source(of: .workers) == .flag)
        #expect(settings.source(of: .healthRise) == .environment(variable: "SLUICE_HEALTH_RISE"))
        #expect(settings.source(of: .healthFall) == .file(path: "proxy.yaml"))
    }

    @Test func takesEverySettingFromTheEnvironment() throws {
        #expect(SettingName.adminTokenFile.environmentVariable == "SLUICE_ADMIN_TOKEN_FILE")
        let settings = try read(
            [:],
            [
                "SLUICE_LISTEN": "127.0.0.1:1", "SLUICE_BLUE": "a:1, b:2", "SLUICE_HEALTH_CHECK": "grpc,http:/health",
                "SLUICE_ACCESS_LOG": "/tmp/access",
            ])
        #expect(settings.listen.port == 1)
        #expect(settings.endpoints.blue == [Endpoint(host: "a", port: 1), Endpoint(host: "b", port: 2)])
        #expect(settings.healthChecks == [.grpc(service: ""), .http(path: "/health")])
        #expect(settings.accessLog == .file(path: "/tmp/access"))
        // A variable whose value got lost must not turn into a default in silence.
        #expect(errors([:], ["SLUICE_GREEN": ""]).first?.hasPrefix("--green is \"\" (from SLUICE_GREEN)") == true)
        #expect(errors([:], ["SLUICE_ADMIN_TOKEN_FILE": ""]).count == 1)
    }

    @Test func takesListsFromTheFile() throws {
        let settings = try read(
            [:], [:],
            """
            # Two of each.
            blue: [a:1, "[::1]:2"]
            green: a:3, b:4
            health-check:
              - grpc:pkg.Service
              - http:/health
            health-interval: 2s
            log-level: warning
            access-log: "-"
            """)
        #expect(settings.endpoints.blue == [Endpoint(host: "a", port: 1), Endpoint(host: "::1", port: 2)])
        #expect(settings.endpoints.green == [Endpoint(host: "a", port: 3), Endpoint(host: "b", port: 4)])
        #expect(settings.healthChecks == [.grpc(service: "pkg.Service"), .http(path: "/health")])
        #expect(settings.healthInterval == .seconds(2))
        #expect(settings.logLevel == .warning)
        #expect(settings.accessLog == .standardOutput)
    }

    @Test func canDoWithoutHealthChecks() throws {
        #expect(try read([.healthCheck: ["none"]]).healthChecks == [])
        #expect(
            errors([.healthCheck: ["none", "tcp"]]) == [
                "--health-check is \"none\" (from the command line); allowed: none alone, or other checks without it"
            ])
    }

    @Test(arguments: [
        (SettingName.listen, "50050"), (.listen, ":50050"), (.listen, "host"), (.listen, "::1:50050"),
        (.listen, "host:65536"), (.admin, "127.0.0.1:-1"), (.blue, "a:0"), (.blue, "a:1,,b:2"), (.blue, ""),
        (.green, "http://a:1"), (.workers, "0"), (.workers, "+2"), (.workers, "two"), (.workers, "99999"),
        (.busyPoll, "0s"),
        (.healthCheck, "ping"), (.healthCheck, "http:health"), (.healthCheck, "GRPC"), (.healthCheck, "http:/a b"),
        (.healthInterval, "1"), (.healthInterval, "10ms"), (.healthInterval, "2h"), (.healthTimeout, "0s"),
        (.healthRise, "0"), (.healthFall, "-3"), (.initial, "red"), (.stateFile, ""), (.logLevel, "verbose"),
        (.shutdownGrace, "forever"), (.shutdownGrace, "25h"), (.drainTimeout, "none"), (.drainTimeout, "25h"),
        (.accessLog, ""), (.failover, "yes"),
        (.maxConcurrentStreams, "0"), (.maxConnections, "none"), (.idleTimeout, "0s"), (.streamIdleTimeout, "never"),
        (.upstreamKeepalive, ""), (.streamWindow, "1023"), (.streamWindow, "2147483648"),
        (.connectionWindow, "65534"), (.maxHeaderListSize, "16k"), (.maxHeaderFields, "9"), (.resetBudget, "0"),
        (.resetRefill, "0s"), (.trustedPeers, "10.0.0.1/8"), (.trustedPeers, "lb.example"), (.proxyProtocol, "on"),
        (.trustedPeers, ""),
        (.controlFrameBudget, "99"), (.minPingInterval, "off"), (.maxBufferedBytes, "1000"),
        (.maxReplayBytes, "-1"), (.maxUpstreamStreams, "0"), (.maxUpstreamConnections, "10001"),
        (.upstreamResets, "1"), (.maxWaiting, "0"), (.waitTimeout, "off"), (.revealUpstream, "yes"),
        (.connectTimeout, "off"), (.prefaceTimeout, "0s"), (.headerTimeout, "2h"), (.writeTimeout, "100ms"),
        (.deadlineGrace, "2h"), (.upstreamKeepaliveTimeout, "off"), (.ejectionThreshold, "0"), (.ejectionTime, "0s"),
        (.minConnectBackoff, "0s"), (.maxConnectBackoff, "1h"), (.goawayTimeout, "2m"),
    ])
    func refuses(name: SettingName, text: String) {
        let found = errors([name: [text]])
        #expect(found.count == 1)
        #expect(found.first?.hasPrefix("\(name.flag) is \"") == true, "\(found)")
        #expect(found.first?.contains(" (from the command line); allowed: ") == true, "\(found)")
    }

    @Test func saysWhereAWrongValueCameFrom() {
        #expect(
            errors([:], ["SLUICE_HEALTH_INTERVAL": "fast"]) == [
                "--health-interval is \"fast\" (from SLUICE_HEALTH_INTERVAL); "
                    + "allowed: a duration from 50ms to 1h, such as 250ms, 30s or 5m"
            ])
        #expect(
            errors([:], [:], "initial: red") == [
                "--initial is \"red\" (from proxy.yaml); allowed: blue, green"
            ])
    }

    @Test func namesTheWrongPartOfAList() {
        #expect(
            errors([.healthCheck: ["grpc", "ping"]]) == [
                "--health-check is \"grpc,ping\" (from the command line); "
                    + "allowed: grpc, grpc:SERVICE, http:/PATH, tcp, or none alone, which \"ping\" is not"
            ])
    }

    @Test func tellsAllThatIsWrongAtOnce() {
        let found = errors([.workers: ["x"]], ["SLUICE_INITIAL": "x"], "log-level: x")
        #expect(found.map { $0.prefix { $0 != " " } } == ["--workers", "--initial", "--log-level"])
    }

    @Test func wantsATokenBeyondTheLoopback() throws {
        for host in ["127.0.0.1", "127.9.9.9", "[::1]", "localhost"] {
            #expect(errors([.admin: ["\(host):9901"]]) == [])
        }
        for host in ["0.0.0.0", "[::]", "10.0.0.1", "proxy.example", "127.example.com", "127.0.0.1.example.com"] {
            let found = errors([.admin: ["\(host):9901"]])
            #expect(found.count == 1)
            #expect(found.first?.hasSuffix("or any with --admin-token-file") == true)
            #expect(errors([.admin: ["\(host):9901"], .adminTokenFile: ["token"]]) == [])
        }
    }

    @Test func refusesToCallItself() {
        #expect(errors([.listen: ["0.0.0.0:7000"], .blue: ["localhost:7000"]]).count == 1)
        #expect(errors([.listen: ["10.0.0.1:7000"], .green: ["b:1,10.0.0.1:7000"]]).count == 1)
        #expect(errors([.listen: ["0.0.0.0:7000"], .blue: ["other:7000"]]) == [])
        #expect(errors([.listen: ["127.0.0.1:7000"], .admin: ["127.0.0.1:7000"]]).count == 1)
        #expect(errors([.listen: ["127.0.0.1:0"], .admin: ["127.0.0.1:0"]]) == [])
    }

    @Test func refusesTwiceTheSame() {
        #expect(errors([.blue: ["a:1,a:1"]]).count == 1)
        #expect(errors([.healthCheck: ["tcp", "tcp"]]).count == 1)
        #expect(errors([.blue: ["a:1"], .green: ["a:1"]]) == [])
    }

    @Test func writesWhatItReads() throws {
        let settings = try read(Self.everyFlag)
        for name in SettingName.allCases { #expect(settings.text(of: name) == Self.everyFlag[name]?.first) }
        #expect(try read([.healthCheck: ["none"]]).text(of: .healthCheck) == "none")
        for name in [
            SettingName.adminTokenFile, .adminTLSCert, .adminTLSKey, .tlsCert, .tlsKey, .tlsClientCA, .upstreamTLSCA,
            .upstreamTLSCert,
            .upstreamTLSKey, .upstreamTLSServerName,
        ] {
            #expect(try read().text(of: name) == nil)
        }
        for text in ["off", "-"] { #expect(try read([.accessLog: [text]]).text(of: .accessLog) == text) }
    }

    @Test func wantsABackoffThatGrows() throws {
        #expect(try read([.minConnectBackoff: ["1s"]]).limits.minConnectBackoff == .seconds(1))
        #expect(
            errors([.minConnectBackoff: ["2s"]]) == [
                "--min-connect-backoff is \"2s\" (from the command line); allowed: at most --max-connect-backoff, "
                    + "which is 1s"
            ])
        #expect(errors([.minConnectBackoff: ["2s"], .maxConnectBackoff: ["2s"]]) == [])
    }

    /// A setting whose value had no text could not be shown by `--check`.
    @Test func everyLimitHasAText() throws {
        let settings = try read()
        let withoutValue: Set<SettingName> = [
            .adminTokenFile, .adminTLSCert, .adminTLSKey, .tlsCert, .tlsKey, .tlsClientCA, .upstreamTLSCA,
            .upstreamTLSCert, .upstreamTLSKey, .upstreamTLSServerName,
        ]
        for name in SettingName.allCases where !withoutValue.contains(name) {
            #expect(settings.text(of: name) != nil, "\(name)")
        }
    }

    @Test func wantsACertificateAndItsKeyTogether() throws {
        #expect(try read([.tlsCert: ["c"], .tlsKey: ["k"]]).tls?.clientAuthority == nil)
        #expect(errors([.adminTLSCert: ["c"]]).first?.hasPrefix("--admin-tls-cert is \"c\"") == true)
        #expect(errors([.adminTLSKey: ["k"]]).first?.hasPrefix("--admin-tls-key is \"k\"") == true)
        #expect(errors([.tlsCert: ["c"]]).first?.hasPrefix("--tls-cert is \"c\"") == true)
        #expect(errors([.tlsKey: ["k"]]).first?.hasPrefix("--tls-key is \"k\"") == true)
        #expect(errors([.tlsClientCA: ["ca"]]).first?.hasPrefix("--tls-client-ca is \"ca\"") == true)
    }

    @Test func forwardsOnlyIdentitiesThatAreVerified() throws {
        let pair: [SettingName: [String]] = [.tlsCert: ["c"], .tlsKey: ["k"]]
        #expect(try read(pair).tls?.forwardsClientIdentity == false)
        let refused = errors(pair.merging([.forwardClientIdentity: ["on"]]) { $1 })
        #expect(refused.count == 1 && refused[0].contains("together with --tls-client-ca"))
        #expect(errors([.forwardClientIdentity: ["on"]]).count == 1)
    }

    @Test func wantsWhatGoesWithTLSTowardsBackendsOnlyWithIt() throws {
        #expect(try read([.upstreamTLS: ["on"]]).upstreamTLS?.authority == nil)
        #expect(try read([.upstreamTLS: ["off"]]).upstreamTLS == nil)
        let alone: [SettingName: [String]] = [
            .upstreamTLSCA: ["ca"], .upstreamTLSCert: ["c"], .upstreamTLSKey: ["k"], .upstreamTLSServerName: ["n"],
        ]
        let found = errors(alone)
        #expect(found.count == 3)
        #expect(found.allSatisfy { $0.contains("together with --upstream-tls") })
        let half = errors([.upstreamTLS: ["on"], .upstreamTLSCert: ["c"]])
        #expect(half.first?.hasPrefix("--upstream-tls-cert is \"c\"") == true && half.count == 1)
        #expect(errors([.upstreamTLS: ["on"], .upstreamTLSCA: [""]]).count == 1)
        for name in ["", "a b", "host/path", "[::1]", "host:1"] {
            #expect(errors([.upstreamTLS: ["on"], .upstreamTLSServerName: [name]]).count == 1)
        }
        #expect(try read([.upstreamTLS: ["on"], .upstreamTLSServerName: ["::1"]]).upstreamTLS?.serverName == "::1")
    }
}
