import ArgumentParser
import Handover
import NIOCore
import Settings

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The command line.
@main
struct ProxyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "Proxy",
        abstract: "Forwards gRPC and other HTTP/2 calls to a blue or a green backend, and switches between them.",
        discussion: """
            Every setting can also be given by an environment variable, SLUICE_ and the flag's name in capitals with \
            underscores (SLUICE_HEALTH_CHECK), or in the file that --config names, as YAML with the flag's name as key \
            (health-check: [grpc, "http:/health"]). A flag comes before the environment, and that before the file. \
            Durations are written like 250ms, 30s, 5m or 1h30m.

            SIGTERM and SIGINT end the Proxy gracefully: it takes no new connections and lets calls finish for up to \
            --shutdown-grace; the admin API answers until then. SIGHUP has it read the settings again: it follows the \
            file in log level, health checks, drain timeout, failover, limits and graces, and names in its log what would \
            need a new start. A file that is wrong changes nothing. SIGUSR2 starts the program anew, by the name this one \
            was started with: the new process takes over the sockets, the state and what is known of health, and once it \
            serves, this one finishes its calls, for up to --restart-grace, and ends. One that doesn't come up changes \
            nothing.

            Sockets may be passed by a service manager (LISTEN_FDS): those named listen and admin, or the first for \
            clients and the second for the admin API. A manager that wants to be told (NOTIFY_SOCKET) learns when the \
            Proxy serves and which process it is.

            Exit status: 0 ended gracefully, 64 a setting can't be used, 65 the state file is damaged or not a state \
            file, 69 an address can't be listened on or another Proxy has the state file, 70 internal error, 74 a file \
            can't be read or written.
            """,
        version: "Proxy \(ProxyVersion.current)"
    )

    @Option(help: ArgumentHelp("A YAML file with settings.", valueName: "FILE"))
    var config: String?

    @Option(
        help: ArgumentHelp(
            "Where clients connect, by HTTP/2 with prior knowledge or TLS; port 0 takes any free port. Default: 0.0.0.0:50050.",
            valueName: "HOST:PORT"))
    var listen: String?

    @Option(
        help: ArgumentHelp(
            """
            Where the admin API is, by HTTP/1.1. Any but an address of the loopback needs --admin-token-file. \
            Default: 127.0.0.1:9901.
            """, valueName: "HOST:PORT"))
    var admin: String?

    @Option(
        help: ArgumentHelp(
            "Blue's endpoints, separated by commas. Default: 127.0.0.1:50051.", valueName: "HOST:PORT[,…]"))
    var blue: String?

    @Option(
        help: ArgumentHelp(
            "Green's endpoints, separated by commas. Default: 127.0.0.1:50052.", valueName: "HOST:PORT[,…]"))
    var green: String?

    @Option(
        help: ArgumentHelp(
            "Threads that forward calls. Default: the processors that the process may use.", valueName: "N"))
    var workers: String?

    @Option(
        help: ArgumentHelp(
            """
            How long a thread that forwards calls waits for more without sleeping: calls that come one at a time are \
            answered sooner, for a processor of its own as long as they come. Default: off.
            """, valueName: "DURATION|off"))
    var busyPoll: String?

    @Option(
        help: ArgumentHelp(
            """
            How endpoints are checked; may be repeated, and then all must pass. grpc asks grpc.health.v1.Health for the \
            server or, as grpc:SERVICE, for a service; http:/PATH wants any 2xx; tcp wants a connection; none takes \
            every endpoint for healthy. Default: grpc.
            """, valueName: "CHECK"))
    var healthCheck: [String] = []

    @Option(help: ArgumentHelp("From one check of an endpoint to the next. Default: 1s.", valueName: "DURATION"))
    var healthInterval: String?

    @Option(help: ArgumentHelp("How long a check may take. Default: 1s.", valueName: "DURATION"))
    var healthTimeout: String?

    @Option(
        help: ArgumentHelp(
            "Passes in a row that make an unhealthy endpoint healthy. Default: 2.", valueName: "N"))
    var healthRise: String?

    @Option(
        help: ArgumentHelp(
            "Failures in a row that make a healthy endpoint unhealthy. Default: 3.", valueName: "N"))
    var healthFall: String?

    @Option(
        help: ArgumentHelp(
            "The active color of the very first start, while there is no state file. Default: blue.",
            valueName: "blue|green"))
    var initial: String?

    @Option(
        help: ArgumentHelp(
            """
            Where the active color and the last changes are kept. Beside it come FILE.lock and, while saving, \
            FILE.tmp. Default: sluice-state.json.
            """, valueName: "FILE"))
    var stateFile: String?

    @Option(
        help: ArgumentHelp(
            "Where every change and every refused change is recorded, one JSON object a line. Default: sluice-audit.jsonl.",
            valueName: "FILE"))
    var auditLog: String?

    @Option(
        help: ArgumentHelp(
            "Where every call is recorded, one JSON object a line; - is the standard output. Default: -.",
            valueName: "FILE|-|off"))
    var accessLog: String?

    @Option(
        help: ArgumentHelp(
            """
            The least severe log lines, which go to the standard error as JSON: trace, debug, info, notice, warning, \
            error or critical. Default: info.
            """, valueName: "LEVEL"))
    var logLevel: String?

    @Option(
        help: ArgumentHelp(
            """
            A file with the bearer token that the admin API asks for, except at /healthz and /readyz. The file's name \
            stands for it in history and audit log.
            """, valueName: "FILE"))
    var adminTokenFile: String?

    @Option(
        name: .customLong("admin-tls-cert"),
        help: ArgumentHelp(
            "Serve the admin API by TLS, with this certificate and its chain (PEM).", valueName: "FILE"))
    var adminTLSCert: String?

    @Option(
        name: .customLong("admin-tls-key"),
        help: ArgumentHelp("That certificate's private key (PEM).", valueName: "FILE"))
    var adminTLSKey: String?

    @Option(
        help: ArgumentHelp("How long calls may take to finish at the end. Default: 30s.", valueName: "DURATION"))
    var shutdownGrace: String?

    @Option(
        help: ArgumentHelp(
            """
            How long calls may take to finish in a process that another has taken over from, at SIGUSR2. Default: off, as \
            long as they like.
            """, valueName: "DURATION|off"))
    var restartGrace: String?

    @Option(
        help: ArgumentHelp(
            """
            What calls in flight on the old color are given after a change; those that are left then are ended with \
            UNAVAILABLE, spread over 1 ms a call, at least 1 s and at most 1 min. Default: off, they stay as long as they \
            like.
            """, valueName: "DURATION|off"))
    var drainTimeout: String?

    @Option(
        help: ArgumentHelp(
            "Speak TLS 1.2 or 1.3 with clients, ALPN h2, with this certificate and its chain (PEM).", valueName: "FILE")
    )
    var tlsCert: String?

    @Option(help: ArgumentHelp("The certificate's private key (PEM).", valueName: "FILE"))
    var tlsKey: String?

    @Option(
        name: .customLong("tls-client-ca"),
        help: ArgumentHelp(
            "Let only clients in that show a certificate signed by one of these authorities (PEM).", valueName: "FILE"))
    var tlsClientCA: String?

    @Flag(
        help: """
            Tell backends, in the field x-forwarded-client-cert, who a client is by its certificate; needs \
            --tls-client-ca. What clients send by that name never passes, also without this. In the environment and the \
            file: on or off.
            """)
    var forwardClientIdentity = false

    @Flag(
        name: .customLong("upstream-tls"),
        help: """
            Speak TLS with the backends, ALPN h2, and accept only certificates for the endpoint's name or address. gRPC \
            and HTTP health checks do the same. In the environment and the file: on or off.
            """)
    var upstreamTLS = false

    @Option(
        name: .customLong("upstream-tls-ca"),
        help: ArgumentHelp(
            "The authorities that may have signed a backend's certificate (PEM). Default: the system's.",
            valueName: "FILE"))
    var upstreamTLSCA: String?

    @Option(
        name: .customLong("upstream-tls-cert"),
        help: ArgumentHelp(
            "The certificate, with its chain, for backends that ask for one (PEM).", valueName: "FILE"))
    var upstreamTLSCert: String?

    @Option(
        name: .customLong("upstream-tls-key"),
        help: ArgumentHelp("That certificate's private key (PEM).", valueName: "FILE"))
    var upstreamTLSKey: String?

    @Option(
        name: .customLong("upstream-tls-server-name"),
        help: ArgumentHelp(
            "The name that backends' certificates must be for. Default: each endpoint's.", valueName: "NAME"))
    var upstreamTLSServerName: String?

    @Flag(
        help: """
            While no endpoint of the active color is healthy, send new calls to the other color, if one of its endpoints \
            is. In the environment and the file: on or off.
            """)
    var failover = false

    @OptionGroup(title: "Limits")
    var limits: LimitOptions

    @Flag(
        help: """
            Check the settings, the files they name and whether names resolve, print them, and end: with 0 if all is \
            well, or 64.
            """)
    var check = false

    func run() async throws {
        var predecessor: Predecessor?
        do {
            let inherited = try InheritedDescriptors.take()
            predecessor = try inherited.take(.handover).map { try Predecessor($0, unsent: Restart.report) }
            if let predecessor { Task { await predecessor.listen() } }
            let read = settingsReader
            let settings = try read()
            if check {
                try SettingsCheck(settings).run()
                print(SettingsCheck.table(of: settings), terminator: "")
            } else {
                try await Proxy(
                    settings: settings, inherited: inherited, predecessor: predecessor, reread: read
                ).run()
            }
        } catch let errors as SettingsErrors {
            for error in errors.errors { StandardError.write("Error: \(error)") }
            predecessor?.failed(errors.errors.map(\.description).joined(separator: "; "))
            throw ExitStatus.usage
        } catch {
            StandardError.write("Error: \(error)")
            predecessor?.failed("\(error)")
            throw ExitStatus.of(error)
        }
    }

    /// Reads the settings each time it is called, from the same places; only the file may give something new.
    private var settingsReader: @Sendable () throws(SettingsErrors) -> ProxySettings {
        let (flags, environment) = (flags, ProcessInfo.processInfo.environment)
        let path = config ?? environment["SLUICE_CONFIG"]
        let cores = min(System.coreCount, AllowedProcessors.count() ?? System.coreCount)
        return { () throws(SettingsErrors) -> ProxySettings in
            var file: ConfigurationFile?
            if let path { file = try ConfigurationFile(path: path) }
            return try ProxySettings(flags: flags, environment: environment, file: file, cores: cores)
        }
    }

    private var flags: [SettingName: [String]] {
        let single: [(SettingName, String?)] = [
            (.listen, listen), (.admin, admin), (.blue, blue), (.green, green), (.workers, workers),
            (.busyPoll, busyPoll),
            (.healthInterval, healthInterval), (.healthTimeout, healthTimeout), (.healthRise, healthRise),
            (.healthFall, healthFall), (.initial, initial), (.stateFile, stateFile), (.auditLog, auditLog),
            (.accessLog, accessLog), (.logLevel, logLevel), (.adminTokenFile, adminTokenFile),
            (.adminTLSCert, adminTLSCert), (.adminTLSKey, adminTLSKey), (.shutdownGrace, shutdownGrace),
            (.restartGrace, restartGrace),
            (.drainTimeout, drainTimeout), (.tlsCert, tlsCert), (.tlsKey, tlsKey), (.tlsClientCA, tlsClientCA),
            (.forwardClientIdentity, forwardClientIdentity ? "on" : nil), (.upstreamTLS, upstreamTLS ? "on" : nil),
            (.upstreamTLSCA, upstreamTLSCA), (.upstreamTLSCert, upstreamTLSCert), (.upstreamTLSKey, upstreamTLSKey),
            (.upstreamTLSServerName, upstreamTLSServerName), (.failover, failover ? "on" : nil),
        ]
        var flags: [SettingName: [String]] = [.healthCheck: healthCheck]
        for (name, value) in single + limits.values { flags[name] = value.map { [$0] } }
        return flags
    }
}
