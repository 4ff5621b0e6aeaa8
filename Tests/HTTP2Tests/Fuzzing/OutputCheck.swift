import HTTP2

/// Follows a session's output and records where it isn't valid HTTP/2, on any input.
struct OutputCheck {
    private(set) var broken: [String] = []
    private(set) var byteCount = 0

    private var unread: [UInt8] = []
    private var awaitsPreface: Bool
    private var isFirst = true
    /// Stream whose header block is still open.
    private var continues: UInt32?
    /// Streams that the session has ended by END_STREAM or RST_STREAM.
    private var ended: Set<UInt32> = []
    private var reset: Set<UInt32> = []

    init(of role: Session.Role) {
        awaitsPreface = role == .client
    }

    mutating func take(_ bytes: some Collection<UInt8>) {
        byteCount += bytes.count
        unread += bytes
        if awaitsPreface {
            guard unread.count >= FrameBytes.preface.count else { return }
            if !unread.starts(with: FrameBytes.preface) { broken.append("a client begins with the preface") }
            unread.removeFirst(FrameBytes.preface.count)
            awaitsPreface = false
        }
        var start = 0
        while unread.count - start >= FrameBytes.headerLength {
            let length = Int(unread[start]) << 16 | Int(unread[start + 1]) << 8 | Int(unread[start + 2])
            let end = start + FrameBytes.headerLength + length
            guard end <= unread.count else { break }
            let stream = unread[start + 5..<start + 9].reduce(0) { $0 << 8 | UInt32($1) }
            check(kind: unread[start + 3], flags: unread[start + 4], stream: stream, length: length)
            start = end
        }
        unread.removeFirst(start)
    }

    private mutating func check(kind: UInt8, flags: UInt8, stream: UInt32, length: Int) {
        if isFirst, kind != FrameBytes.Kind.settings { broken.append("the first frame is SETTINGS, not \(kind)") }
        isFirst = false
        if length > 16_384 { broken.append("a frame of \(length) bytes") }
        if let continues, kind != FrameBytes.Kind.continuation || stream != continues {
            broken.append("frame \(kind) inside the header block of stream \(continues)")
        }
        switch kind {
        case FrameBytes.Kind.data, FrameBytes.Kind.headers:
            if stream == 0 || stream.isMultiple(of: 2) { broken.append("frame \(kind) on stream \(stream)") }
            if ended.contains(stream) || reset.contains(stream) { broken.append("frame \(kind) after \(stream)'s end") }
            if flags & FrameBytes.Flag.endStream != 0 { ended.insert(stream) }
            if kind == FrameBytes.Kind.headers, flags & FrameBytes.Flag.endHeaders == 0 { continues = stream }
        case FrameBytes.Kind.continuation:
            if continues == nil { broken.append("CONTINUATION without HEADERS") }
            if flags & FrameBytes.Flag.endHeaders != 0 { continues = nil }
        case FrameBytes.Kind.resetStream:
            if !reset.insert(stream).inserted { broken.append("stream \(stream) is reset twice") }
        case FrameBytes.Kind.settings, FrameBytes.Kind.ping, FrameBytes.Kind.goAway:
            if stream != 0 { broken.append("frame \(kind) on stream \(stream)") }
        case FrameBytes.Kind.windowUpdate:
            if reset.contains(stream) { broken.append("WINDOW_UPDATE after stream \(stream) was reset") }
        default:
            broken.append("a frame of type \(kind)")
        }
    }
}
