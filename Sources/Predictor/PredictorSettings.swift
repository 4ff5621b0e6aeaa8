import DurationSyntax
import Ground
import Logging
import NIOCore
import TLS

/// The settings of the process.
struct PredictorSettings: Sendable {
    /// Version to serve the model as; nil takes the one in the model's manifest.
    let modelVersion: String?
    let modelPath: String
    /// The name of a model that comes alone, or of the one in a folder that answers requests that can't name one.
    let modelName: String?
    /// Where gRPC is served; port 0 takes a free port.
    let address: HostPort
    /// The setting that says so.
    let addressSetting: PredictorSetting
    /// The IPv4 or IPv6 address to listen on for HTTP.
    let httpHost: String
    /// The port for HTTP; 0 takes a free port.
    let httpPort: Int
    /// The files for TLS with clients; nil for plaintext.
    let tls: TLSContext.ServerOptions?
    /// Threads that serve gRPC connections.
    let workers: Int
    /// The largest message over gRPC, in bytes.
    let maxMessageSize: Int
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
        func given(_ setting: PredictorSetting) -> String? {
            guard let value = lookUp(setting.variable), !value.isEmpty else { return nil }
            return value
        }
        func value(_ setting: PredictorSetting) -> String { given(setting) ?? setting.standard }

        modelVersion = given(.modelVersion)
        modelPath = value(.modelPath)
        modelName = given(.modelName)

        let host = value(.host)
        try Self.checkAddress(.host, host)
        if let text = given(.listen) {
            guard let address = HostPort(text) else {
                throw SettingError(
                    .listen, text,
                    allowed: "HOST:PORT, or unix:PATH with a path of at most \(HostPort.longestPath) bytes")
            }
            if let port = given(.port) {
                throw SettingError(.port, port, allowed: "left out where LISTEN is given")
            }
            (self.address, addressSetting) = (address, .listen)
        } else {
            address = HostPort(host: host, port: UInt16(try Self.port(.port, value(.port))))
            addressSetting = .port
        }

        tls = try Self.tls(given(.tlsCertificate), given(.tlsKey), given(.tlsClientAuthority))
        httpHost = given(.httpHost) ?? (tls == nil ? host : "127.0.0.1")
        try Self.checkAddress(.httpHost, httpHost)
        if let text = given(.httpPort) {
            httpPort = try Self.port(.httpPort, text)
            if httpPort != 0, httpPort == Int(address.port) {
                throw SettingError(.httpPort, text, allowed: "another port than that of gRPC")
            }
        } else if address.unixPath != nil {
            httpPort = Self.standardPort + Self.httpPortDistance
        } else {
            httpPort = address.port == 0 ? 0 : Int(address.port) + Self.httpPortDistance
            if httpPort > Self.highestPort {
                throw SettingError(
                    .httpPort, "",
                    allowed: "a port; its default, gRPC's + \(Self.httpPortDistance), is above \(Self.highestPort)")
            }
        }

        let workers = value(.workers)
        guard let count = Int(workers), (1...256).contains(count) else {
            throw SettingError(.workers, workers, allowed: "a number of threads from 1 to 256")
        }
        self.workers = count
        maxMessageSize = try Self.bytes(.maxMessageSize, value(.maxMessageSize), from: 1024)

        httpMaxBody = try Self.bytes(.httpMaxBody, value(.httpMaxBody), from: 1)
        httpMaxBytesInFlight =
            if let text = given(.httpMaxBytesInFlight) {
                try Self.bytes(.httpMaxBytesInFlight, text, from: httpMaxBody)
            } else {
                max(httpMaxBody, try Self.bytes(.httpMaxBytesInFlight, value(.httpMaxBytesInFlight), from: 1))
            }
        httpRequestTimeout = try Self.duration(.httpRequestTimeout, value(.httpRequestTimeout), isAboveZero: true)

        let level = value(.logLevel)
        guard let logLevel = Logger.Level(rawValue: level.lowercased()) else {
            throw SettingError(.logLevel, level, allowed: Logger.Level.allCases.map(\.rawValue).joined(separator: ", "))
        }
        self.logLevel = logLevel
        shutdownGrace = try Self.duration(.shutdownGrace, value(.shutdownGrace), isAboveZero: false)
    }

    private static func bytes(
        _ setting: PredictorSetting, _ text: String, from least: Int
    ) throws(SettingError) -> Int {
        guard let bytes = Int(text), (least...mostBytes).contains(bytes) else {
            throw SettingError(setting, text, allowed: "a number of bytes from \(least) to \(mostBytes)")
        }
        return bytes
    }

    private static let mostBytes = 1 << 30

    private static func checkAddress(_ setting: PredictorSetting, _ text: String) throws(SettingError) {
        guard (try? SocketAddress(ipAddress: text, port: 0)) != nil else {
            throw SettingError(setting, text, allowed: "an IPv4 or IPv6 address")
        }
    }

    /// The files for TLS; nil without a certificate.
    private static func tls(
        _ certificate: String?, _ key: String?, _ clientAuthority: String?
    ) throws(SettingError) -> TLSContext.ServerOptions? {
        switch (certificate, key) {
        case (let certificate?, let key?):
            return TLSContext.ServerOptions(
                certificateFile: certificate, keyFile: key, clientAuthorityFile: clientAuthority)
        case (let certificate?, nil):
            throw SettingError(.tlsCertificate, certificate, allowed: "a certificate together with its TLS_KEY")
        case (nil, let key?):
            throw SettingError(.tlsKey, key, allowed: "a key together with its TLS_CERT")
        case (nil, nil):
            guard let clientAuthority else { return nil }
            throw SettingError(.tlsClientAuthority, clientAuthority, allowed: "authorities together with TLS_CERT")
        }
    }

    private static func port(_ setting: PredictorSetting, _ text: String) throws(SettingError) -> Int {
        guard let port = Int(text), (0...highestPort).contains(port) else {
            throw SettingError(setting, text, allowed: "a port from 0 to \(highestPort)")
        }
        return port
    }

    private static let highestPort = 65_535
    /// The port of gRPC where nothing else is said.
    private static let standardPort = 50_051
    /// So that two Predictors on one machine that differ only in `PORT` use different ports for HTTP, too.
    private static let httpPortDistance = 1000

    private static func duration(
        _ setting: PredictorSetting, _ text: String, isAboveZero: Bool
    ) throws(SettingError) -> Duration {
        guard let duration = Duration(text: text), !isAboveZero || duration > .zero else {
            throw SettingError(
                setting, text, allowed: "a duration such as 500ms, 30s or 2m" + (isAboveZero ? ", above 0" : ""))
        }
        return duration
    }
}

/// A setting with a value that is not allowed.
struct SettingError: Error, CustomStringConvertible {
    let description: String

    init(_ setting: PredictorSetting, _ value: String, allowed: String) {
        description = "\(setting.variable): '\(value)' is not allowed; it must be \(allowed)"
    }
}
