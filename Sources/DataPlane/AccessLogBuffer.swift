import EventLoop
import Glibc
import Ground
import HTTP2

/// One worker's lines for the access log: formatted here, handed over in batches. Confined to its worker's thread.
final class AccessLogBuffer {
    private let log: AccessLog
    /// The endpoints' names as JSON strings.
    private let endpoints: PerColor<[JSONLine]>
    private var line = JSONLine()
    private var lines: [UInt8] = []
    private var timer: TimerID?
    /// The second of the last line, and the beginning of every time within it: `2026-11-23T22:05:00.`
    private var second = Int64.min
    private var startOfTime: [UInt8] = []

    /// The fields of the request's head that a line reports, with the bytes kept of each: one more than reported, to
    /// tell that there are more.
    static let fields: [(name: FieldName, most: Int)] = [(.path, longestPath + 1), (.authority, longestAuthority + 1)]
    private static let longestPath = 1024
    private static let longestAuthority = 256
    /// An ellipsis, which stands for the part that is cut off.
    private static let cut: StaticString = "\\u2026"

    /// Bytes at which a batch is handed over at once.
    private static let batch = 32 * 1024
    /// Time that a line may wait for others.
    private static let delay = Duration.milliseconds(50)

    init(log: AccessLog, endpoints: PerColor<[Endpoint]>) {
        self.log = log
        self.endpoints = PerColor { color in
            endpoints[color].map { endpoint in
                var name = JSONLine()
                name.append(string: endpoint.description.utf8)
                return name
            }
        }
    }

    /// Adds the line of a call that has ended.
    func append(_ call: Call, _ destination: Destination, ended: MonotonicTime) {
        line.removeAll()
        line.append("{\"time\":\"")
        append(Timestamp.now())
        line.append("\",\"path\":")
        append(.path, of: call, most: Self.longestPath)
        line.append(",\"authority\":")
        append(.authority, of: call, most: Self.longestAuthority)
        line.append(",\"client\":")
        line.append(string: (call.clientName ?? "").utf8)
        if let identity = call.clientIdentity {
            line.append(",\"client_identity\":")
            line.append(string: identity.utf8)
        }
        line.append(",\"color\":\"")
        line.append(destination.color.name.utf8)
        line.append("\",\"epoch\":")
        line.append(Int(destination.epoch))
        switch destination.reason {
        case .active, .failover, .control: break
        case .canary: line.append(",\"canary\":true")
        case .fallback: line.append(",\"fallback\":true")
        case .preview: line.append(",\"preview\":true")
        case .metadata: line.append(",\"route_metadata\":true")
        }
        line.append(",\"endpoint\":")
        if let endpoint = call.endpoint {
            line.append(endpoints[destination.color][endpoint].bytes)
        } else {
            line.append("null")
        }
        line.append(",\"http_status\":")
        line.append(call.httpStatus)
        if call.isGRPC {
            line.append(",\"grpc_status\":")
            line.append(call.finalGRPCStatus)
        }
        line.append(",\"duration_ms\":")
        line.append(milliseconds: ended.nanosecondsSince(call.began))
        if let responseBegan = call.responseBegan {
            line.append(",\"first_byte_ms\":")
            line.append(milliseconds: responseBegan.nanosecondsSince(call.began))
        }
        line.append(",\"bytes_up\":")
        line.append(call.bytesUp)
        line.append(",\"bytes_down\":")
        line.append(call.bytesDown)
        if let reset = call.clientReset {
            line.append(",\"reset\":")
            line.append(string: reset.description.utf8)
        }
        if call.hasBeenRetried { line.append(",\"retried\":true") }
        if let answer = call.proxyAnswer {
            line.append(",\"error\":")
            line.append(string: answer.message.utf8)
            if let id = answer.id {
                line.append(",\"id\":")
                line.append(string: id.utf8)
            }
        }
        if let (ender, reason) = call.ending {
            line.append(",\"ended_by\":\"")
            line.append(ender.rawValue.utf8)
            line.append("\",\"end_reason\":")
            line.append(string: reason.utf8)
        }
        line.append("}\n")
        lines += line.bytes
    }

    private func append(_ time: Timestamp) {
        // The time is never before 1970.
        let (second, millisecond) = time.milliseconds.quotientAndRemainder(dividingBy: 1_000)
        if second != self.second {
            self.second = second
            startOfTime = Array(time.description.utf8.dropLast("000Z".utf8.count))
        }
        line.append(startOfTime)
        line.append(threeDigits: Int(millisecond))
        line.append("Z")
    }

    private func append(_ field: FieldName, of call: Call, most: Int) {
        guard let value = unsafe call.requestHead?.bytes(of: field) else { return line.append("\"\"") }
        unsafe line.append(
            string: UnsafeBufferPointer(rebasing: value.prefix(most)), followedBy: value.count > most ? Self.cut : "")
    }

    /// Called at the end of each turn.
    func endTurn(_ loop: EventLoop) {
        guard !lines.isEmpty else { return }
        if lines.count >= Self.batch {
            handOver()
        } else if timer == nil {
            timer = loop.schedule(after: Self.delay) { [unowned self] in
                timer = nil
                handOver()
            }
        }
    }

    func handOver() {
        guard !lines.isEmpty else { return }
        log.write(lines)
        // The log's thread may be reading these lines: they belong to it now.
        lines = []
        lines.reserveCapacity(Self.batch)
    }
}

/// A line of JSON being written.
struct JSONLine {
    private(set) var bytes: [UInt8] = []

    private static let hexDigits = Array("0123456789abcdef".utf8)

    mutating func removeAll() { bytes.removeAll(keepingCapacity: true) }

    mutating func append(_ text: StaticString) {
        text.withUTF8Buffer { unsafe bytes.append(contentsOf: $0) }
    }

    mutating func append(_ text: some Sequence<UInt8>) { bytes.append(contentsOf: text) }

    mutating func append(_ number: Int) {
        // The digits of the largest number.
        var digits = InlineArray<20, UInt8>(repeating: 0)
        var first = digits.count
        var rest = number.magnitude
        repeat {
            first -= 1
            digits[first] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        } while rest > 0
        if number < 0 { bytes.append(UInt8(ascii: "-")) }
        for index in first..<digits.count { bytes.append(digits[index]) }
    }

    /// Adds a number below 1,000 with its leading zeros.
    mutating func append(threeDigits number: Int) {
        // Without a loop over an array, which would have to be allocated.
        bytes.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: number / 100))
        bytes.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: number / 10 % 10))
        bytes.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: number % 10))
    }

    /// Adds nanoseconds as milliseconds with three decimals.
    mutating func append(milliseconds nanoseconds: UInt64) {
        let microseconds = Int(clamping: nanoseconds / 1_000)
        append(microseconds / 1_000)
        append(".")
        append(threeDigits: microseconds % 1_000)
    }

    /// Adds text as a JSON string. Bytes beyond ASCII, which header fields may hold in any encoding, become escapes of
    /// their Latin-1 characters, so that a line is always valid.
    ///
    /// - Parameter end: text added unescaped after `text`, within the string.
    mutating func append(string text: some Sequence<UInt8>, followedBy end: StaticString = "") {
        bytes.append(UInt8(ascii: "\""))
        for byte in text {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(byte)
            case 0x20..<0x7f:
                bytes.append(byte)
            default:
                append("\\u00")
                bytes.append(Self.hexDigits[Int(byte >> 4)])
                bytes.append(Self.hexDigits[Int(byte & 15)])
            }
        }
        append(end)
        bytes.append(UInt8(ascii: "\""))
    }
}
