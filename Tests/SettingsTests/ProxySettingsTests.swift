import Connections
import DataPlane
import Ground
import HealthCheck
import Logging
import Settings
import Testing

@Suite struct ProxySettingsTests {
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
        #expect(settings.handoverSocket == nil)
        #expect(settings.drainTimeout == nil)
        #expect(settings.tls == nil)
        #expect(settings.upstreamTLS == nil)
        #expect(settings.adminTLS == nil)
        #expect(!settings.failover)
        #expect(settings.preview == nil && !settings.previewIsOpen)
        #expect(settings.routeMetadata == nil && !settings.announces)
        #expect(settings.stickyKey == .none)
        #expect(settings.limits.maxConcurrentStreams == 100)
        #expect(settings.limits.maxConnections == 10_000)
        #expect(settings.limits.idleTimeout == .seconds(180))
        #expect(settings.limits.streamIdleTimeout == nil)
        #expect(settings.limits.upstreamKeepalive == .seconds(330))
        #expect(settings.source(of: SettingTable.addresses.listen) == .standard)
    }

    @Test func takesEveryFlag() throws {
        let settings = try read(otherThanDefault.mapValues { [$0] })
        #expect(settings.listen == Endpoint(host: "::1", port: 0))
        #expect(settings.admin == Endpoint(host: "0.0.0.0", port: 9000))
        #expect(settings.endpoints.blue == [Endpoint(host: "b1", port: 1), Endpoint(host: "b2", port: 2)])
        #expect(settings.endpoints.green == [Endpoint(host: "fe80::1", port: 3)])
        #expect(settings.workers == 8)
        #expect(settings.busyPoll == .milliseconds(5))
        #expect(
            settings.healthChecks == [
                .grpc(service: "pkg.Service"), .http(path: "/health?a=b"), .tcp, .http(path: "/ready", port: 8000),
                .grpcWatch(service: "pkg.Service"),
            ])
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
        #expect(settings.handoverSocket == "/run/sluice/handover.sock")
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
        #expect(limits.maxUpstreamStreams == 100)
        #expect(limits.maxUpstreamConnections == 2)
        #expect(limits.upstreamResets == 150)
        #expect(limits.maxWaiting == 30)
        #expect(limits.waitTimeout == .seconds(7))
        #expect(limits.revealsUpstream)
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
        for setting in SettingTable.settings { #expect(settings.source(of: setting) == .flag) }
    }

    @Test func flagsComeBeforeEnvironmentBeforeFile() throws {
        let yaml = "workers: 5\nhealth-rise: 6\nhealth-fall: 7\n"
        let environment = ["SLUICE_WORKERS": "10", "SLUICE_HEALTH_RISE": "11", "SLUICE_ADMIN_SERVICE_HOST": "x"]
        let settings = try read(["workers": ["20"]], environment, yaml)
        #expect(settings.workers == 20)
        #expect(settings.healthRise == 11)
        #expect(settings.healthFall == 7)
        #expect(settings.source(of: SettingTable.process.workers) == .flag)
        #expect(settings.source(of: SettingTable.health.rise) == .environment(variable: "SLUICE_HEALTH_RISE"))
        #expect(settings.source(of: SettingTable.health.fall) == .file(path: "proxy.yaml"))
    }

    @Test func takesEverySettingFromTheEnvironment() throws {
        #expect(SettingTable.admin.tokenFile.name.environmentVariable == "SLUICE_ADMIN_TOKEN_FILE")
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
        // A variable that is set but empty must not silently mean the default.
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

    @Test func healthChecksCanBeTurnedOff() throws {
        #expect(try read(["health-check": ["none"]]).healthChecks == [])
        #expect(
            errors(["health-check": ["none", "tcp"]]) == [
                "--health-check is \"none\" (from the command line); allowed: none alone, or other checks without it"
            ])
    }

    @Test(arguments: [
        ("listen", "50050"), ("listen", ":50050"), ("listen", "host"), ("listen", "::1:50050"),
        ("listen", "host:65536"), ("admin", "127.0.0.1:-1"), ("blue", "a:0"), ("blue", "a:1,,b:2"), ("blue", ""),
        ("green", "http://a:1"), ("workers", "0"), ("workers", "+2"), ("workers", "two"), ("workers", "99999"),
        ("busy-poll", "0s"),
        ("health-check", "ping"), ("health-check", "http:health"), ("health-check", "GRPC"),
        ("health-check", "http:/a b"), ("health-check", "http://host:80/"), ("health-check", "grpc-call:/a"),
        ("health-interval", "1"), ("health-interval", "10ms"), ("health-interval", "2h"), ("health-timeout", "0s"),
        ("health-rise", "0"), ("health-fall", "-3"), ("initial", "red"), ("state-file", ""), ("log-level", "verbose"),
        ("shutdown-grace", "forever"), ("shutdown-grace", "25h"), ("drain-timeout", "none"), ("drain-timeout", "25h"),
        ("access-log", ""), ("failover", "yes"),
        ("max-concurrent-streams", "0"), ("max-connections", "none"), ("idle-timeout", "0s"),
        ("stream-idle-timeout", "never"),
        ("upstream-keepalive", ""), ("stream-window", "1023"), ("stream-window", "2147483648"),
        ("connection-window", "65534"), ("max-header-list-size", "16k"), ("max-header-fields", "9"),
        ("reset-budget", "0"),
        ("reset-refill", "0s"), ("trusted-peers", "10.0.0.1/8"), ("trusted-peers", "lb.example"),
        ("proxy-protocol", "on"),
        ("trusted-peers", ""),
        ("control-frame-budget", "99"), ("min-ping-interval", "off"), ("max-buffered-bytes", "1000"),
        ("max-replay-bytes", "-1"), ("max-upstream-streams", "0"), ("max-upstream-connections", "10001"),
        ("upstream-resets", "1"), ("max-waiting", "0"), ("wait-timeout", "off"), ("reveal-upstream", "yes"),
        ("connect-timeout", "off"), ("preface-timeout", "0s"), ("header-timeout", "2h"), ("write-timeout", "100ms"),
        ("deadline-grace", "2h"), ("upstream-keepalive-timeout", "off"), ("ejection-threshold", "0"),
        ("ejection-time", "0s"),
        ("min-connect-backoff", "0s"), ("max-connect-backoff", "1h"), ("goaway-timeout", "2m"),
    ])
    func refuses(name: String, text: String) {
        let found = errors([name: [text]])
        #expect(found.count == 1)
        #expect(found.first?.hasPrefix("--\(name) is \"") == true, "\(found)")
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

    @Test func saysWhatIsWrongWithAHealthCheck() {
        #expect(
            errors(["health-check": ["grpc", "http://host:80/x"]]) == [
                "--health-check is \"http://host:80/x\" (from the command line); "
                    + "allowed: http://:PORT/PATH without a host, because each endpoint is asked at its own"
            ])
        #expect(
            errors(["health-check": ["grpc-call:/a.B/C?name=x"]]) == [
                "--health-check is \"grpc-call:/a.B/C?name=x\" (from the command line); "
                    + "allowed: grpc-call:/SERVICE/METHOD without a query, which only "
                    + "/inference.GRPCInferenceService/ModelReady takes"
            ])
    }

    @Test func namesTheWrongPartOfAList() {
        #expect(
            errors(["health-check": ["grpc", "ping"]]) == [
                "--health-check is \"grpc,ping\" (from the command line); "
                    + "allowed: grpc, grpc:SERVICE, grpc-call:/SERVICE/METHOD, grpc-watch, grpc-watch:SERVICE, "
                    + "http:/PATH, http://:PORT/PATH, tcp, or none alone, which \"ping\" is not"
            ])
    }

    @Test func reportsAllErrorsAtOnce() {
        let found = errors(["workers": ["x"]], ["SLUICE_INITIAL": "x"], "log-level: x")
        #expect(found.map { $0.prefix { $0 != " " } } == ["--workers", "--initial", "--log-level"])
    }

    @Test func requiresATokenBeyondTheLoopback() throws {
        for host in ["127.0.0.1", "127.9.9.9", "[::1]", "localhost"] {
            #expect(errors(["admin": ["\(host):9901"]]) == [])
        }
        for host in ["0.0.0.0", "[::]", "10.0.0.1", "proxy.example", "127.example.com", "127.0.0.1.example.com"] {
            let found = errors(["admin": ["\(host):9901"]])
            #expect(found.count == 1)
            #expect(found.first?.hasSuffix("or any with --admin-token-file") == true)
            #expect(errors(["admin": ["\(host):9901"], "admin-token-file": ["token"]]) == [])
        }
    }

    @Test func thePreviewIsOpenToOthersOnlyIfThatIsMeant() throws {
        let everywhere = ["preview": ["0.0.0.0:50049"]]
        #expect(errors(everywhere).first?.hasSuffix("or any with --tls-client-ca or --preview-open") == true)
        #expect(errors(["preview": ["127.0.0.1:50049"]]).isEmpty)
        #expect(errors(everywhere.merging(["preview-open": ["on"]]) { $1 }).isEmpty)
        let authorities = ["tls-cert": ["c"], "tls-key": ["k"], "tls-client-ca": ["a"]]
        #expect(errors(everywhere.merging(authorities) { $1 }).isEmpty)
    }

    @Test func endpointsAndTheListenerMayBeUnixSockets() throws {
        let settings = try read(["listen": ["unix:/run/s.sock"], "blue": ["unix:/run/b.sock,b2:1"]])
        #expect(settings.listen.unixPath == "/run/s.sock")
        #expect(settings.endpoints.blue.map(\.description) == ["unix:/run/b.sock", "b2:1"])
        #expect(errors(["listen": ["unix:/run/s.sock"], "blue": ["unix:/run/s.sock"]]).count == 1)
        #expect(errors(["listen": ["0.0.0.0:0"], "blue": ["unix:/run/b.sock"]]).isEmpty)
        #expect(
            errors(["blue": ["unix:"]]).first?.contains("unix:PATH for one, with a path of at most 107 bytes") == true)
        #expect(errors(["admin": ["unix:/run/a.sock"]]).count == 1)
        #expect(errors(["preview": ["unix:/run/a.sock"]]).count == 1)
        let check = ["blue": ["unix:/run/b.sock"], "health-check": ["grpc", "http://:8080/health"]]
        #expect(
            errors(check) == [
                "--health-check is \"http://:8080/health\" (from the command line); allowed: checks at the endpoints "
                    + "themselves, as unix:/run/b.sock has no port"
            ])
    }

    @Test(arguments: ["listen", "admin", "blue"]) func thePreviewHasAnAddressOfItsOwn(other: String) {
        let given = ["preview": ["127.0.0.1:5"], other: ["127.0.0.1:5"]]
        #expect(errors(given).contains { $0.hasPrefix(other == "blue" ? "--blue" : "--preview") })
        #expect(!errors(["listen": ["0.0.0.0:5"], "preview": ["127.0.0.1:5"]]).isEmpty)
    }

    @Test(arguments: [
        "X-Color", "te", "user-agent", "grpc-color", "sluice-color", "color-bin", "", "a b", ":path", "ä",
        String(repeating: "x", count: 65),
    ]) func aColorIsNamedByMetadataOfItsOwn(name: String) {
        #expect(errors(["route-metadata": [name]]).first?.hasPrefix("--route-metadata is") == true)
    }

    @Test(arguments: ["", "Client", "metadata", "metadata:", "metadata:te", "metadata:X", "client,none"])
    func aReleaseKeepsWhatHasAName(key: String) {
        #expect(errors(["sticky-key": [key]]).first?.hasPrefix("--sticky-key is") == true)
    }

    @Test func refusesToCallItself() {
        #expect(errors(["listen": ["0.0.0.0:7000"], "blue": ["localhost:7000"]]).count == 1)
        #expect(errors(["listen": ["10.0.0.1:7000"], "green": ["b:1,10.0.0.1:7000"]]).count == 1)
        #expect(errors(["listen": ["0.0.0.0:7000"], "blue": ["other:7000"]]) == [])
        #expect(errors(["listen": ["127.0.0.1:7000"], "admin": ["127.0.0.1:7000"]]).count == 1)
        #expect(errors(["listen": ["127.0.0.1:0"], "admin": ["127.0.0.1:0"]]) == [])
    }

    @Test func refusesDuplicates() {
        #expect(errors(["blue": ["a:1,a:1"]]).count == 1)
        #expect(errors(["health-check": ["tcp", "tcp"]]).count == 1)
        #expect(errors(["blue": ["a:1"], "green": ["a:1"]]) == [])
    }

    /// Two purposes sharing a file would overwrite each other, however its path is spelt.
    @Test(arguments: ["s", "./s", "s.lock", "x/../s.tmp"]) func requiresAFileForEachPurpose(path: String) {
        let other = "allowed: another file than that of --state-file, its .lock and its .tmp"
        for log in ["audit-log", "access-log"] {
            let found = errors(["state-file": ["s"], log: [path]])
            #expect(found == ["--\(log) is \"\(path)\" (from the command line); \(other)"])
        }
    }

    @Test func requiresTwoFilesForTheTwoLogs() {
        let found = errors(["audit-log": ["a"], "access-log": ["./a"]])
        #expect(
            found == [
                "--access-log is \"./a\" (from the command line); allowed: another file than that of --audit-log"
            ])
        for access in ["-", "off", "b"] { #expect(errors(["audit-log": ["a"], "access-log": [access]]) == []) }
    }

    @Test func writesWhatItReads() throws {
        #expect(try read(["health-check": ["none"]]).text("health-check") == "none")
        #expect(try read(["trusted-peers": ["none"]]).text("trusted-peers") == "none")
        for text in ["off", "-"] { #expect(try read(["access-log": [text]]).text("access-log") == text) }
    }

    @Test func requiresABackoffThatGrows() throws {
        #expect(try read(["min-connect-backoff": ["1s"]]).limits.minConnectBackoff == .seconds(1))
        #expect(
            errors(["min-connect-backoff": ["2s"]]) == [
                "--min-connect-backoff is \"2s\" (from the command line); allowed: at most --max-connect-backoff, "
                    + "which is 1s"
            ])
        #expect(errors(["min-connect-backoff": ["2s"], "max-connect-backoff": ["2s"]]) == [])
    }

    @Test func requiresACertificateAndItsKeyTogether() throws {
        #expect(try read(["tls-cert": ["c"], "tls-key": ["k"]]).tls?.clientAuthority == nil)
        #expect(errors(["admin-tls-cert": ["c"]]).first?.hasPrefix("--admin-tls-cert is \"c\"") == true)
        #expect(errors(["admin-tls-key": ["k"]]).first?.hasPrefix("--admin-tls-key is \"k\"") == true)
        #expect(errors(["tls-cert": ["c"]]).first?.hasPrefix("--tls-cert is \"c\"") == true)
        #expect(errors(["tls-key": ["k"]]).first?.hasPrefix("--tls-key is \"k\"") == true)
        #expect(errors(["tls-client-ca": ["ca"]]).first?.hasPrefix("--tls-client-ca is \"ca\"") == true)
    }

    @Test func forwardsOnlyIdentitiesThatAreVerified() throws {
        let pair: [String: [String]] = ["tls-cert": ["c"], "tls-key": ["k"]]
        #expect(try read(pair).tls?.forwardsClientIdentity == false)
        let refused = errors(pair.merging(["forward-client-identity": ["on"]]) { $1 })
        #expect(refused.count == 1 && refused[0].contains("together with --tls-client-ca"))
        #expect(errors(["forward-client-identity": ["on"]]).count == 1)
    }

    @Test func acceptsUpstreamTLSOptionsOnlyWithUpstreamTLS() throws {
        #expect(try read(["upstream-tls": ["on"]]).upstreamTLS?.authority == nil)
        #expect(try read(["upstream-tls": ["off"]]).upstreamTLS == nil)
        let alone: [String: [String]] = [
            "upstream-tls-ca": ["ca"], "upstream-tls-cert": ["c"], "upstream-tls-key": ["k"],
            "upstream-tls-server-name": ["n"],
        ]
        let found = errors(alone)
        #expect(found.count == 3)
        #expect(found.allSatisfy { $0.contains("together with --upstream-tls") })
        let half = errors(["upstream-tls": ["on"], "upstream-tls-cert": ["c"]])
        #expect(half.first?.hasPrefix("--upstream-tls-cert is \"c\"") == true && half.count == 1)
        #expect(errors(["upstream-tls": ["on"], "upstream-tls-ca": [""]]).count == 1)
        for name in ["", "a b", "host/path", "[::1]", "host:1"] {
            #expect(errors(["upstream-tls": ["on"], "upstream-tls-server-name": [name]]).count == 1)
        }
        #expect(
            try read(["upstream-tls": ["on"], "upstream-tls-server-name": ["::1"]]).upstreamTLS?.serverName == "::1")
    }
}
