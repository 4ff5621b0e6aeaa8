import ArgumentParser
import FoundationEssentials
import Glibc
import Handover
import NIOCore
import Settings
import UnixSignals

/// The command line.
@main
struct ProxyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "Proxy",
        abstract: "Forwards gRPC and other HTTP/2 calls to a blue or a green upstream, and switches between them.",
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
            nothing. With --handover-socket any Proxy that is started on the same socket takes over in this way, even \
            from another container.

            Sockets may be passed by a service manager (LISTEN_FDS): those named listen and admin, or the first for \
            clients and the second for the admin API. A manager that wants to be told (NOTIFY_SOCKET) learns when the \
            Proxy serves and which process it is.

            Exit status: 0 ended gracefully, 64 a setting can't be used, 65 the state file is damaged or not a state \
            file, or the audit log's chain is broken, 66 the audit log to verify can't be read, 69 an address can't be listened on, another Proxy has the state file or the one to take over from goes \
            on itself, 70 internal error, 74 a file can't be read or written.
            """,
        version: "Proxy \(ProxyVersion.current)"
    )

    @Option(help: ArgumentHelp("A YAML file with settings.", valueName: "FILE"))
    var config: String?

    @OptionGroup
    var flags: SettingFlags

    @Flag(
        help: """
            Check the settings, the files they name and whether names resolve, print them, and end: with 0 if all is \
            well, or 64.
            """)
    var check = false

    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp(
            """
            Check the chain of an audit log, which may be in several files, the oldest first, and end: with 0 if it is \
            sound, or 65 and the first line that doesn't fit. No other setting is needed.
            """, valueName: "FILE"))
    var verifyAudit: [String] = []

    @Flag(
        help: """
            Do nothing until SIGTERM, whatever the settings: for a container that only holds a network namespace, and \
            with it the published ports, for Proxies that take over from each other.
            """)
    var hold = false

    static func main() async {
        EarlySignals.catch()
        await main(SettingFlags.joiningNegativeNumbers(Array(CommandLine.arguments.dropFirst())))
    }

    func run() async throws {
        // The signals' handlers end the process.
        while hold { pause() }
        guard verifyAudit.isEmpty else { return try Self.verify(verifyAudit) }
        let termination = Termination()
        if check {
            EarlySignals.release()
        } else {
            let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
            // It lasts as long as the process.
            Task { for await _ in signals { termination.signal() } }
        }
        var predecessor: Predecessor?
        do {
            let inherited = try InheritedDescriptors.take()
            predecessor = try Self.predecessor(inherited)
            let isChild = predecessor != nil
            let read = settingsReader
            let settings = try read()
            if check {
                try SettingsCheck(settings).run()
                print(SettingsCheck.table(of: settings), terminator: "")
            } else {
                if !isChild, let path = settings.handoverSocket, let found = try await HandoverRequest.make(at: path) {
                    inherited.add(found)
                    predecessor = try Self.predecessor(inherited)
                }
                try await Proxy(
                    settings: settings, inherited: inherited, predecessor: predecessor, isChild: isChild,
                    termination: termination, reread: read
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

    private static func verify(_ paths: [String]) throws {
        do throws(AuditVerification.Failure) {
            print(try AuditVerification.verify(paths))
        } catch {
            StandardError.write("Error: \(error)")
            throw ExitStatus.of(error)
        }
    }

    /// The process to take over from, if there is a line to one.
    private static func predecessor(_ inherited: InheritedDescriptors) throws -> Predecessor? {
        let predecessor = try inherited.take(.handover).map { try Predecessor($0, unsent: Restart.report) }
        if let predecessor { Task { await predecessor.listen() } }
        return predecessor
    }

    /// Reads the settings each time it is called, from the same places; only the file can give new values.
    private var settingsReader: @Sendable () throws(SettingsErrors) -> ProxySettings {
        let (flags, environment) = (flags.given, ProcessInfo.processInfo.environment)
        let path = config ?? environment["SLUICE_CONFIG"]
        let cores = min(System.coreCount, AllowedProcessors.count() ?? System.coreCount)
        return { () throws(SettingsErrors) -> ProxySettings in
            var file: ConfigurationFile?
            if let path { file = try ConfigurationFile(path: path) }
            return try ProxySettings(flags: flags, environment: environment, file: file, cores: cores)
        }
    }
}
