/// The way in which an upstream is asked for its health.
package enum HealthCheck: Hashable, Sendable, CustomStringConvertible {
    /// `grpc.health.v1.Health/Check` for a service name; empty asks for the server as a whole.
    case grpc(service: String)
    /// A unary call of any method; `OK` is healthy, and where the method reports readiness its answer counts.
    case grpcCall(HealthCall)
    /// `grpc.health.v1.Health/Watch` and `Check` over a connection that stays open.
    case grpcWatch(service: String)
    /// `GET` of an absolute path over HTTP/1.1; any 2xx is healthy. The port is the endpoint's if it is `nil`.
    case http(path: String, port: UInt16? = nil)
    /// A TCP connection can be made.
    case tcp

    /// Reads `grpc`, `grpc:SERVICE`, `grpc-call:/SERVICE/METHOD`, `grpc-watch`, `grpc-watch:SERVICE`, `http:/PATH`,
    /// `http://:PORT/PATH` or `tcp`.
    ///
    /// - Throws: `HealthCheckFlaw` for anything else.
    package init(reading text: String) throws(HealthCheckFlaw) {
        let (kind, rest) = Self.split(text)
        switch (kind, rest) {
        case ("grpc", let service): self = .grpc(service: service ?? "")
        case ("grpc-call", let call?): self = .grpcCall(try HealthCall(reading: call))
        case ("grpc-watch", let service): self = .grpcWatch(service: service ?? "")
        case ("http", let place?): self = try Self.http(reading: place)
        case ("tcp", nil): self = .tcp
        default: throw HealthCheckFlaw()
        }
    }

    /// The text before the first colon, and what follows it.
    private static func split(_ text: String) -> (kind: String, rest: String?) {
        guard let colon = text.firstIndex(of: ":") else { return (text, nil) }
        return (String(text[..<colon]), String(text[text.index(after: colon)...]))
    }

    /// Reads `/PATH` or `//:PORT/PATH`.
    private static func http(reading text: String) throws(HealthCheckFlaw) -> HealthCheck {
        guard text.hasPrefix("/") else { throw HealthCheckFlaw() }
        guard text.hasPrefix("//") else { return .http(path: text) }
        let rest = text.dropFirst(2)
        let authority = rest.prefix { $0 != "/" }
        let path = rest.dropFirst(authority.count)
        guard let colon = authority.lastIndex(of: ":"), colon == authority.startIndex else {
            throw HealthCheckFlaw(
                allowed: "http://:PORT/PATH without a host, because each endpoint is asked at its own")
        }
        let digits = authority.dropFirst()
        guard digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let port = UInt16(digits), port > 0 else {
            throw HealthCheckFlaw(allowed: "http://:PORT/PATH with a port from 1 to 65535")
        }
        return .http(path: path.isEmpty ? "/" : String(path), port: port)
    }

    package var description: String {
        switch self {
        case .grpc(let service): service.isEmpty ? "grpc" : "grpc:\(service)"
        case .grpcCall(let call): "grpc-call:\(call)"
        case .grpcWatch(let service): service.isEmpty ? "grpc-watch" : "grpc-watch:\(service)"
        case .http(let path, nil): "http:\(path)"
        case .http(let path, let port?): "http://:\(port)\(path)"
        case .tcp: "tcp"
        }
    }
}

/// The reason why a text is not a health check.
package struct HealthCheckFlaw: Error, Equatable {
    /// What would be allowed; `nil` if the text resembles no check.
    package var allowed: String?

    package init(allowed: String? = nil) {
        self.allowed = allowed
    }
}
