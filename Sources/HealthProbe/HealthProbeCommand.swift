import ArgumentParser
import DurationSyntax
import HealthCheck

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
        help: "The gRPC server's HOST:PORT; an IPv6 address in brackets.")
    var address: String?

    @Option(
        name: [.customLong("service", withSingleDash: true), .customLong("service")],
        help: "The service to ask for; empty for the server as a whole.")
    var service = ""

    @Option(
        name: [.customLong("http", withSingleDash: true), .customLong("http")],
        help: "Instead of gRPC: http://HOST[:PORT][/PATH], healthy with any 2xx status.")
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

    /// What the flags ask for.
    ///
    /// - Throws: `ValidationError` where they don't fit together.
    func request() throws -> ProbeRequest {
        var request: ProbeRequest
        switch (address, url) {
        case (let address?, nil):
            guard let (host, port) = Self.hostAndPort(address) else {
                throw ValidationError("-addr \(address): HOST:PORT is expected")
            }
            request = ProbeRequest(
                check: .grpc(service: service), host: host, port: port, connectTimeout: connectTimeout,
                requestTimeout: requestTimeout)
        case (nil, let url?):
            guard let (host, port, path) = Self.parts(ofURL: url) else {
                throw ValidationError("-http \(url): http://HOST[:PORT][/PATH] is expected")
            }
            request = ProbeRequest(
                check: .http(path: path), host: host, port: port, connectTimeout: connectTimeout,
                requestTimeout: requestTimeout)
        case (nil, nil): throw ValidationError("-addr HOST:PORT or -http URL is needed")
        case (.some, .some): throw ValidationError("-addr and -http exclude each other")
        }
        request.userAgent = userAgent
        request.fields = fields.map { ($0.name, $0.value) }
        return request
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

    private static func hostAndPort(_ text: some StringProtocol) -> (host: String, port: UInt16)? {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]), port > 0 else {
            return nil
        }
        guard let host = host(text[..<colon]) else { return nil }
        return (host, port)
    }

    /// The host without its brackets.
    private static func host(_ text: some StringProtocol) -> String? {
        if text.hasPrefix("["), text.hasSuffix("]"), text.count > 2 { return String(text.dropFirst().dropLast()) }
        return text.isEmpty || text.contains(where: { ":[]/ ".contains($0) }) ? nil : String(text)
    }

    private static func parts(ofURL url: String) -> (host: String, port: UInt16, path: String)? {
        guard url.hasPrefix("http://") else { return nil }
        let rest = url.dropFirst("http://".count)
        let slash = rest.firstIndex(of: "/") ?? rest.endIndex
        let path = slash == rest.endIndex ? "/" : String(rest[slash...])
        guard !path.contains(where: \.isWhitespace) else { return nil }
        if let (host, port) = hostAndPort(rest[..<slash]) { return (host, port, path) }
        return host(rest[..<slash]).map { ($0, 80, path) }
    }
}
