import HTTP2
import TLS

/// The exchange over a probe's established connection: bytes in, bytes out, and at some point an outcome. It knows no
/// sockets.
protocol ProbeExchange: AnyObject {
    /// The protocol that a TLS connection has to agree to.
    var applicationProtocol: ApplicationProtocol { get }

    /// The outcome, set as soon as there is one.
    var outcome: HealthCheckResult.Outcome? { get }

    /// Takes in what the upstream sent.
    func receive(_ bytes: UnsafeRawBufferPointer)

    /// The upstream has closed the connection.
    func end()

    /// Writes what is to be sent next, and returns the number of bytes; zero if there is nothing.
    func write(into buffer: UnsafeMutableRawBufferPointer) -> Int
}

/// `GET` over HTTP/1.1 (RFC 9112): the status line is the answer, the rest is not waited for.
final class HTTPProbeExchange: ProbeExchange {
    let applicationProtocol = ApplicationProtocol.http1
    private(set) var outcome: HealthCheckResult.Outcome?

    private var outgoing: [UInt8]
    private var incoming: [UInt8] = []

    /// The most bytes before the end of a status line: more without one is not HTTP.
    private static let longestStatusLine = 1024

    init(_ request: ProbeRequest, path: String) {
        var lines = [
            "GET \(path) HTTP/1.1", "host: \(request.authority)", "user-agent: \(request.userAgent)", "accept: */*",
            "connection: close",
        ]
        lines += request.fields.map { "\($0.name): \($0.value)" }
        outgoing = Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8)
    }

    func receive(_ bytes: UnsafeRawBufferPointer) {
        guard outcome == nil else { return }
        unsafe incoming += bytes
        if let end = incoming.firstIndex(of: UInt8(ascii: "\n")) {
            outcome = Self.judge(String(decoding: incoming[..<end], as: UTF8.self))
        } else if incoming.count > Self.longestStatusLine {
            outcome = .requestFailed(reason: "the answer is not HTTP/1.1")
        }
    }

    func end() {
        if outcome == nil { outcome = .requestFailed(reason: "the connection was closed before an answer") }
    }

    func write(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        let count = min(buffer.count, outgoing.count)
        unsafe buffer.copyBytes(from: outgoing[..<count])
        outgoing.removeFirst(count)
        return count
    }

    private static func judge(_ statusLine: String) -> HealthCheckResult.Outcome {
        let parts = statusLine.split(whereSeparator: { $0 == " " || $0 == "\r" })
        guard let version = parts.first, version.hasPrefix("HTTP/1."), parts.count > 1, let status = Int(parts[1])
        else {
            return .requestFailed(reason: "the answer is not HTTP/1.1")
        }
        return (200...299).contains(status) ? .healthy : .unhealthy(reason: "HTTP status \(status)")
    }
}

/// A unary gRPC call, such as `grpc.health.v1.Health/Check` (gRPC's `health-checking.md`), over HTTP/2 with prior
/// knowledge.
final class GRPCProbeExchange: ProbeExchange {
    let applicationProtocol = ApplicationProtocol.http2
    private let session: GRPCProbeSession

    init(_ session: GRPCProbeSession) {
        self.session = session
    }

    var outcome: HealthCheckResult.Outcome? { session.outcome }

    func receive(_ bytes: UnsafeRawBufferPointer) {
        do {
            try unsafe session.receive(bytes)
        } catch {
            session.fail("HTTP/2: \(error)")
        }
    }

    func end() {
        session.fail("the connection was closed before an answer")
    }

    func write(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        do {
            return try unsafe session.write(into: buffer)
        } catch {
            session.fail("HTTP/2: \(error)")
            return 0
        }
    }
}

extension ProbeRequest {
    /// The exchange that asks; `nil` if a connection is all that is asked for.
    func exchange() -> (any ProbeExchange)? {
        if case .http(let path, _) = check { return HTTPProbeExchange(self, path: path) }
        return GRPCProbeSession(for: self).map { GRPCProbeExchange($0) }
    }
}
