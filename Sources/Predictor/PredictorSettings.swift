import DurationSyntax
import Logging
import NIOCore

/// The settings of the process.
struct PredictorSettings: Sendable {
    /// Version to serve the model as; nil takes the one in the model's manifest.
    let modelVersion: String?
    let modelPath: String
    /// The IPv4 or IPv6 address to listen on.
    let host: String
    /// The port for gRPC; 0 takes a free port.
    let port: Int
    /// The port for HTTP; 0 takes a free port.
    let httpPort: Int
    let logLevel: Logger.Level
    /// The largest body of an HTTP request, in bytes.
    let httpMaxBody: Int
    /// Bytes of HTTP bodies and answers held at a time, over all connections.
    let httpMaxBytesInFlight: Int
    /// How long an HTTP request may take to arrive completely.
    let httpRequestTimeout: Duration
    /// How long calls in progress may continue after a signal to stop.
    let shutdownGrace: Duration

    /// Reads each setting with `lookUp`, by the name of its environment variable. An empty value counts as none.
    init(_ lookUp: (String) -> String?) throws(SettingError) {
        func value(_ name: String) -> String? {
            guard let value = lookUp(name), !value.isEmpty else { return nil }
            return value
        }

        modelVersion = value("MODEL_VERSION")
        modelPath = value("MODEL_PATH") ?? "models/v1.0.0/model.pkl"

        host = value("HOST") ?? "0.0.0.0"
        guard (try? SocketAddress(ipAddress: host, port: 0)) != nil else {
            throw SettingError(name: "HOST", value: host, allowed: "an IPv4 or IPv6 address")
        }

        port = try Self.port("PORT", value("PORT")) ?? 50_051
        if let httpPort = try Self.port("HTTP_PORT", value("HTTP_PORT")) {
            self.httpPort = httpPort
            if httpPort != 0, httpPort == port {
                throw SettingError(name: "HTTP_PORT", value: "\(httpPort)", allowed: "another port than PORT")
            }
        } else {
            httpPort = port == 0 ? 0 : port + Self.httpPortDistance
            if httpPort > Self.highestPort {
                throw SettingError(
                    name: "HTTP_PORT", value: "",
                    allowed: "a port; its default, PORT + \(Self.httpPortDistance), is above \(Self.highestPort)")
            }
        }

        let httpMaxBody = try Self.bytes("HTTP_MAX_BODY", value("HTTP_MAX_BODY"), from: 1) ?? Self.usualBody
        self.httpMaxBody = httpMaxBody
        httpMaxBytesInFlight =
            try Self.bytes(
                "HTTP_MAX_BYTES_IN_FLIGHT", value("HTTP_MAX_BYTES_IN_FLIGHT"), from: httpMaxBody)
            ?? max(Self.usualBytesInFlight, httpMaxBody)
        let timeout = value("HTTP_REQUEST_TIMEOUT") ?? "30s"
        guard let httpRequestTimeout = Duration(text: timeout), httpRequestTimeout > .zero else {
            throw SettingError(
                name: "HTTP_REQUEST_TIMEOUT", value: timeout, allowed: "a duration such as 500ms, 30s or 2m, above 0")
        }
        self.httpRequestTimeout = httpRequestTimeout

        let level = value("LOG_LEVEL") ?? "info"
        guard let logLevel = Logger.Level(rawValue: level.lowercased()) else {
            throw SettingError(
                name: "LOG_LEVEL", value: level,
                allowed: Logger.Level.allCases.map(\.rawValue).joined(separator: ", "))
        }
        self.logLevel = logLevel

        let grace = value("SHUTDOWN_GRACE") ?? "30s"
        guard let shutdownGrace = Duration(text: grace) else {
            throw SettingError(
                name: "SHUTDOWN_GRACE", value: grace, allowed: "a duration such as 500ms, 30s or 2m")
        }
        self.shutdownGrace = shutdownGrace
    }

    private static func bytes(
        _ name: String, _ value: String?, from least: Int
    ) throws(SettingError) -> Int? {
        guard let value else { return nil }
        guard let bytes = Int(value), (least...mostBytes).contains(bytes) else {
            throw SettingError(name: name, value: value, allowed: "a number of bytes from \(least) to \(mostBytes)")
        }
        return bytes
    }

    private static let usualBody = 8 << 20
    private static let usualBytesInFlight = 64 << 20
    private static let mostBytes = 1 << 30

    private static func port(_ name: String, _ value: String?) throws(SettingError) -> Int? {
        guard let value else { return nil }
        guard let port = Int(value), (0...highestPort).contains(port) else {
            throw SettingError(name: name, value: value, allowed: "a port from 0 to \(highestPort)")
        }
        return port
    }

    private static let highestPort = 65_535
    /// So that two Predictors on one machine that differ only in `PORT` use different ports for HTTP, too.
    private static let httpPortDistance = 1000
}

/// A setting with a value that is not allowed.
struct SettingError: Error, CustomStringConvertible {
    let name: String
    let value: String
    let allowed: String

    var description: String { "\(name): '\(value)' is not allowed; it must be \(allowed)" }
}
