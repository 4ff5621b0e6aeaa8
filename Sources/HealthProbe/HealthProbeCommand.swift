import ArgumentParser
import Asking
import DurationSyntax
import Ground
import HealthCheck
import TLS

/// The command line: the flags of grpc_health_probe, and `-http`.
struct HealthProbeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "HealthProbe",
        abstract: "Asks a server for its health, by gRPC or HTTP: a drop-in for grpc_health_probe.",
        discussion: """
            Flags may be written with one dash or two. The answer goes to standard error.

            Exit status: 0 healthy, 1 bad arguments, 2 connection failed, 3 request failed or timed out, \
            4 the server says that it is not healthy.
            """,
        version: "HealthProbe 1.0.0"
    )

    @Option(
        name: [.customLong("addr", withSingleDash: true), .customLong("addr")],
        help: "The gRPC server's HOST:PORT, with an IPv6 address in brackets, or unix:PATH.")
    var address: String?

    @Option(
        name: [.customLong("service", withSingleDash: true), .customLong("service")],
        help: "The service to ask for; empty for the server as a whole.")
    var service = ""

    @Option(
        name: [.customLong("http", withSingleDash: true), .customLong("http")],
        help: "Instead of gRPC: http://HOST[:PORT][/PATH] or https://…, healthy with any 2xx status.")
    var url: String?

    @Option(
        name: [.customLong("connect-timeout", withSingleDash: true), .customLong("connect-timeout")],
        help: "How long connecting may take.", transform: duration)
    var connectTimeout = Duration.seconds(1)

    @Option(
        name: [.customLong("rpc-timeout", withSingleDash: true), .customLong("rpc-timeout")],
        help: "How long the answer may take once connected.", transform: duration)
    var requestTimeout = Duration.seconds(1)

    @Option(
        name: [.customLong("user-agent", withSingleDash: true), .customLong("user-agent")],
        help: "The request's user-agent.")
    var userAgent = "grpc_health_probe"

    @Option(
        name: [.customLong("rpc-header", withSingleDash: true), .customLong("rpc-header")],
        help: "A further field of the request, as 'name: value'; may be repeated.", transform: field)
    var fields: [Field] = []

    @Flag(
        name: [.customLong("tls", withSingleDash: true), .customLong("tls")],
        help: "Speak TLS, and verify the server's certificate and name.")
    var usesTLS = false

    @Flag(
        name: [.customLong("tls-no-verify", withSingleDash: true), .customLong("tls-no-verify")],
        help: "With -tls: verify nothing (insecure).")
    var verifiesNothing = false

    @Option(
        name: [.customLong("tls-ca-cert", withSingleDash: true), .customLong("tls-ca-cert")],
        help: "With -tls: a file with the authorities to trust (PEM) instead of the system's.")
    var authorityFile: String?

    @Option(
        name: [.customLong("tls-client-cert", withSingleDash: true), .customLong("tls-client-cert")],
        help: "With -tls: the certificate to show to the server (PEM); needs -tls-client-key.")
    var certificateFile: String?

    @Option(
        name: [.customLong("tls-client-key", withSingleDash: true), .customLong("tls-client-key")],
        help: "With -tls: that certificate's private key (PEM); needs -tls-client-cert.")
    var keyFile: String?

    @Option(
        name: [.customLong("tls-server-name", withSingleDash: true), .customLong("tls-server-name")],
        help: "With -tls: the name to verify, instead of the address's.")
    var serverName: String?

    @Flag(
        name: [.customShort("v"), .customLong("verbose")],
        help: "Say what is asked, and how long it took.")
    var isVerbose = false

    @Flag(
        name: [.customLong("version", withSingleDash: true)],
        help: .hidden)
    var showsVersion = false

    /// A field of the request.
    struct Field {
        var name: String
        var value: String
    }

    /// The request that the flags describe.
    ///
    /// - Throws: `ValidationError` if they don't fit together, `TLSError` that names a file that can't be used.
    func request() throws -> ProbeRequest {
        var request: ProbeRequest
        var isSecure = usesTLS
        switch (address, url) {
        case (let address?, nil):
            guard let server = HostPort(address), server.port > 0 || server.unixPath != nil else {
                throw ValidationError("-addr \(address): HOST:PORT or unix:PATH is expected")
            }
            request = ProbeRequest(
                check: .grpc(service: service), host: server.host, port: server.port, connectTimeout: connectTimeout,
                requestTimeout: requestTimeout)
        case (nil, let url?):
            guard let parts = Self.parts(ofURL: url) else {
                throw ValidationError("-http \(url): http://HOST[:PORT][/PATH] or https://… is expected")
            }
            if usesTLS && !parts.isSecure { throw ValidationError("-tls goes with an https:// URL") }
            isSecure = parts.isSecure
            request = ProbeRequest(
                check: .http(path: parts.path), host: parts.server.host, port: parts.server.port,
                connectTimeout: connectTimeout,
                requestTimeout: requestTimeout)
        case (nil, nil): throw ValidationError("-addr HOST:PORT or -http URL is needed")
        case (.some, .some): throw ValidationError("-addr and -http exclude each other")
        }
        request.contact.userAgent = userAgent
        request.contact.fields = fields.map { ($0.name, $0.value) }
        try checkTLSFlags(isSecure: isSecure)
        if isSecure { request.contact.tls = try TLSContext(client: tlsOptions) }
        return request
    }

    /// Checks the rules of grpc_health_probe.
    private func checkTLSFlags(isSecure: Bool) throws {
        let given = [
            ("-tls-no-verify", verifiesNothing), ("-tls-ca-cert", authorityFile != nil),
            ("-tls-client-cert", certificateFile != nil), ("-tls-client-key", keyFile != nil),
            ("-tls-server-name", serverName != nil),
        ]
        if !isSecure, let flag = given.first(where: \.1)?.0 { throw ValidationError("\(flag) goes with -tls") }
        if (certificateFile == nil) != (keyFile == nil) {
            throw ValidationError("-tls-client-cert and -tls-client-key go together")
        }
        if verifiesNothing && authorityFile != nil {
            throw ValidationError("-tls-ca-cert would not be used with -tls-no-verify")
        }
        if verifiesNothing && serverName != nil {
            throw ValidationError("-tls-server-name would not be used with -tls-no-verify")
        }
    }

    private var tlsOptions: TLSContext.ClientOptions {
        var options = TLSContext.ClientOptions()
        options.authorityFile = authorityFile
        options.certificateFile = certificateFile
        options.keyFile = keyFile
        options.verifies = !verifiesNothing
        options.serverName = serverName
        return options
    }

    // MARK: Reading values

    private static func duration(_ text: String) throws -> Duration {
        guard let duration = Duration(text: text), duration > .zero else {
            throw ValidationError("a duration above zero such as 250ms, 1s or 1m30s is expected, not '\(text)'")
        }
        return duration
    }

    private static func field(_ text: String) throws -> Field {
        guard let colon = text.firstIndex(of: ":"), colon != text.startIndex else {
            throw ValidationError("'name: value' is expected, not '\(text)'")
        }
        let value = text[text.index(after: colon)...].drop(while: { $0 == " " })
        return Field(name: text[..<colon].lowercased(), value: String(value))
    }

    private struct URLParts {
        var isSecure: Bool
        var server: HostPort
        var path: String
    }

    private static func parts(ofURL url: String) -> URLParts? {
        let isSecure = url.hasPrefix("https://")
        guard isSecure || url.hasPrefix("http://") else { return nil }
        let rest = url.dropFirst(isSecure ? "https://".count : "http://".count)
        let slash = rest.firstIndex(of: "/") ?? rest.endIndex
        let path = slash == rest.endIndex ? "/" : String(rest[slash...])
        guard !path.contains(where: \.isWhitespace) else { return nil }
        let authority = rest[..<slash]
        // If the port is missing, the scheme's default applies.
        guard
            let server = HostPort(hostAndPort: authority)
                ?? HostPort(hostAndPort: "\(authority):\(isSecure ? 443 : 80)"),
            server.port > 0
        else {
            return nil
        }
        return URLParts(isSecure: isSecure, server: server, path: path)
    }
}
