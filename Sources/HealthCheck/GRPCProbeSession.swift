import Ground
import HTTP2
import HealthAPI
import SwiftProtobuf

/// A client session that makes one unary call of `grpc.health.v1.Health/Check` and judges the answer.
final class GRPCProbeSession: Session {
    private(set) var outcome: HealthCheckResult.Outcome?

    private let stream = StreamContext()
    private let lists = HeaderListPool()
    private let chunks = ChunkPool()
    private var requestBody = ByteQueue()
    private var responseBody: [UInt8] = []

    /// A health response takes 7 bytes; more bytes than this aren't one.
    private static let largestResponse = 4096
    /// Compression flag and length before each message (gRPC's `PROTOCOL-HTTP2.md`).
    private static let messageHeaderSize = 5

    init(_ request: ProbeRequest, service: String) {
        super.init(role: .client, settings: SessionSettings(), headerLists: lists, memory: SessionMemory())
        var message = Grpc_Health_V1_HealthCheckRequest()
        message.service = service
        do {
            let payload: [UInt8] = try message.serializedBytes()
            let length = UInt32(payload.count)
            let header = [0] + (0..<4).map { UInt8(truncatingIfNeeded: length >> (24 - 8 * $0)) }
            unsafe (header + payload).withUnsafeBytes { unsafe requestBody.append($0, from: chunks) }
            let head = lists.take()
            head.append(":method", "POST")
            head.append(":scheme", request.tls == nil ? "http" : "https")
            head.append(":path", "/grpc.health.v1.Health/Check")
            head.append(":authority", request.authority)
            head.append("te", "trailers")
            head.append("content-type", "application/grpc")
            head.append("user-agent", request.userAgent)
            for field in request.fields { head.append(name: field.name, value: field.value) }
            _ = try submitRequest(head, endStream: false, context: stream)
            lists.give(head)
        } catch {
            fail("the request can't be made: \(error)")
        }
    }

    deinit {
        requestBody.removeAll(to: chunks)
    }

    /// Ends the probe without an answer; an existing result stays.
    func fail(_ reason: String) {
        if outcome == nil { outcome = .requestFailed(reason: reason) }
    }

    override func body(
        of stream: StreamID, _ context: StreamContext, into buffer: UnsafeMutableRawBufferPointer
    ) -> Body {
        let count = unsafe requestBody.read(into: buffer, pool: chunks)
        return requestBody.isEmpty ? .last(count) : .bytes(count)
    }

    override func responseReceived(
        _ head: HeaderList, endStream: Bool, on stream: StreamID, _ context: StreamContext
    ) {
        defer { lists.give(head) }
        if let status = head.number(of: .status), status != 200 {
            fail("HTTP status \(status)")
        } else if endStream {
            judge(trailers: head)
        }
    }

    override func dataReceived(_ bytes: UnsafeRawBufferPointer, on stream: StreamID, _ context: StreamContext) {
        consume(bytes.count, on: stream)
        guard responseBody.count + bytes.count <= Self.largestResponse else {
            return fail("the response has more than \(Self.largestResponse) bytes")
        }
        unsafe responseBody += bytes
    }

    override func trailersReceived(_ trailers: HeaderList, on stream: StreamID, _ context: StreamContext) {
        judge(trailers: trailers)
        lists.give(trailers)
    }

    /// No valid answer takes that much.
    override func headersSkipped(bytes: Int, fields: Int) -> Bool { false }

    override func streamClosed(_ stream: StreamID, _ code: ErrorCode, _ context: StreamContext) {
        fail(code == .noError ? "the response has no grpc-status" : "the stream was reset with \(code)")
    }

    private func judge(trailers: HeaderList) {
        guard let status = trailers.number(of: .grpcStatus) else { return fail("the response has no grpc-status") }
        guard status == 0 else {
            let message = trailers.text(of: .grpcMessage).map { ": \($0)" } ?? ""
            return fail("gRPC status \(Self.name(ofStatus: status))\(message)")
        }
        guard responseBody.count >= Self.messageHeaderSize, responseBody[0] == 0 else {
            return fail("the response has no message that can be read")
        }
        do {
            let message = try Grpc_Health_V1_HealthCheckResponse(
                serializedBytes: Array(responseBody[Self.messageHeaderSize...]))
            outcome = message.status == .serving ? .healthy : .unhealthy(reason: Self.name(of: message.status))
        } catch {
            fail("the response can't be read: \(error)")
        }
    }

    private static func name(of status: Grpc_Health_V1_HealthCheckResponse.ServingStatus) -> String {
        switch status {
        case .unknown: "UNKNOWN"
        case .serving: "SERVING"
        case .notServing: "NOT_SERVING"
        case .serviceUnknown: "SERVICE_UNKNOWN"
        case .UNRECOGNIZED(let number): String(number)
        }
    }

    private static func name(ofStatus status: Int) -> String {
        GRPCStatus(rawValue: status)?.name ?? String(status)
    }
}
