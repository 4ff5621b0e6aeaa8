import ArgumentParser
import Asking
import Glibc
import Ground
import HealthCheck
import TLS

/// The exit statuses of grpc_health_probe.
enum ExitStatus: Int32 {
    case healthy = 0
    case badArguments = 1
    case connectionFailed = 2
    case requestFailed = 3
    case unhealthy = 4
}

func say(_ line: String) {
    try? writeAll(Array((line + "\n").utf8), to: STDERR_FILENO)
}

func end(_ status: ExitStatus, _ line: String) -> Never {
    say(line)
    exit(status.rawValue)
}

// OpenSSL writes without MSG_NOSIGNAL: a server that closes early must not kill the probe silently.
signal(SIGPIPE, SIG_IGN)

let command: HealthProbeCommand
let request: ProbeRequest
do {
    command = try HealthProbeCommand.parse()
    if command.showsVersion {
        print(HealthProbeCommand.configuration.version)
        exit(ExitStatus.healthy.rawValue)
    }
    request = try command.request()
} catch let error as TLSError {
    end(.badArguments, "error: \(error)")
} catch {
    guard HealthProbeCommand.exitCode(for: error) == .success else {
        end(.badArguments, HealthProbeCommand.message(for: error))
    }
    // The parser takes any word with one dash and an h in it for -h, and help exits with 0, which means healthy: a
    // typing error would hide that a server is down.
    let asksForHelp = CommandLine.arguments.dropFirst().contains {
        ["-h", "-help", "--help", "--version"].contains($0)
    }
    guard asksForHelp else {
        end(.badArguments, "unknown flag among: \(CommandLine.arguments.dropFirst().joined(separator: " "))")
    }
    HealthProbeCommand.exit(withError: error)
}

if command.isVerbose {
    say(
        "asking \(request.contact.address) for \(request.check), connect timeout \(request.contact.connectTimeout), "
            + "request timeout \(request.contact.requestTimeout)")
}
do {
    let result = try request.askBlocking()
    if command.isVerbose { say("time elapsed: \(result.latency)") }
    switch result.outcome {
    case .healthy:
        end(.healthy, "status: SERVING")
    case .connectFailed(let reason):
        end(.connectionFailed, "error: failed to connect to \(request.contact.address): \(reason)")
    case .requestFailed(let reason):
        end(.requestFailed, "error: health check of \(request.contact.address) failed: \(reason)")
    case .unhealthy(let reason):
        end(.unhealthy, "service unhealthy (responded with \(reason))")
    }
} catch {
    end(.connectionFailed, "error: \(error)")
}
