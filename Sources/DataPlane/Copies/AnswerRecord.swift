import EventLoop
import Glibc
import HTTP2

/// What has come of one answer to a call that is copied, until it is compared.
struct AnswerRecord {
    enum Progress {
        case open
        case ended(status: Int, at: MonotonicTime)
    }

    /// When the request went out; `nil` before that.
    var began: MonotonicTime?
    private var encoding: String?
    /// The HTTP status; 0 before the head has come.
    private(set) var httpStatus = 0
    private(set) var body: [UInt8] = []
    private(set) var progress = Progress.open

    private static let encodingName = Array("grpc-encoding".utf8)
    /// Names of encodings are short, and what is longer is none that could be undone.
    private static let longestEncoding = 64

    /// The time of the answer's end; `nil` while it is awaited.
    var endedAt: MonotonicTime? { if case .ended(_, let time) = progress { time } else { nil } }

    /// The head has come.
    mutating func take(head: HeaderList) {
        var name: String?
        unsafe head.forEachValue(named: Self.encodingName) { value in
            unsafe name = String(decoding: value.prefix(Self.longestEncoding), as: UTF8.self)
        }
        encoding = name
        httpStatus = head.number(of: .status) ?? 0
    }

    /// A part of the body has come.
    mutating func take(_ bytes: UnsafeRawBufferPointer) {
        unsafe body.append(contentsOf: bytes)
    }

    mutating func end(status: Int, at time: MonotonicTime) {
        guard case .open = progress else { return }
        progress = .ended(status: status, at: time)
    }

    mutating func dropBody() { body = [] }

    /// The gRPC status; `nil` before the answer's end.
    var status: Int? { if case .ended(let status, _) = progress { status } else { nil } }

    /// Time from the moment at which the request went out to the answer's end, in nanoseconds; 0 without both.
    var nanoseconds: UInt64 {
        guard let began, let endedAt else { return 0 }
        return endedAt.nanosecondsSince(began)
    }

    /// Whether another answer is the same, of the two that have ended.
    func isSame(as other: AnswerRecord) -> Bool {
        guard status == other.status, body.count == other.body.count, encoding == other.encoding else { return false }
        // Not the arrays' own comparison, which goes byte by byte.
        return unsafe body.withUnsafeBytes { own in
            unsafe other.body.withUnsafeBytes { bytes in
                unsafe own.isEmpty || memcmp(own.baseAddress!, bytes.baseAddress!, own.count) == 0
            }
        }
    }

    /// The answer, once it has ended.
    var answer: CopiedCall.Answer? {
        status.map { CopiedCall.Answer(status: $0, encoding: encoding, body: body, nanoseconds: nanoseconds) }
    }
}
