import Asking
import HTTP2

/// A stream that a `ServingSession` serves.
package final class ServedStream: StreamContext {
    package let id: StreamID
    package fileprivate(set) var path = ""
    /// The request's bytes, with gRPC's header.
    package fileprivate(set) var request: [UInt8] = []
    /// Whether the client has sent its last message.
    package fileprivate(set) var hasEnded = false
    fileprivate var outgoing: ArraySlice<UInt8> = []
    fileprivate var status: Int?

    init(_ id: StreamID) { self.id = id }
}

/// The server's side of a session that asks, which answers as a test tells it to.
package final class ServingSession: Session {
    package private(set) var streams: [ServedStream] = []
    package private(set) var resets: [StreamID] = []
    package private(set) var pingCount = 0
    private var began: Set<StreamID> = []

    package init() {
        super.init(
            role: .server, settings: SessionSettings(), headerLists: HeaderListPool(), memory: SessionMemory())
    }

    /// The newest stream of a method.
    package func stream(_ method: String) -> ServedStream? { streams.last { $0.path.hasSuffix("/" + method) } }

    package func count(_ method: String) -> Int { streams.count { $0.path.hasSuffix("/" + method) } }

    /// Sends a head if none has been sent, a message, and a gRPC status as trailers.
    package func answer(_ stream: ServedStream, message: [UInt8]? = nil, status: Int? = nil) {
        if let message { stream.outgoing += MessageReader.framed(message) }
        stream.status = status
        guard began.insert(stream.id).inserted else { return resume(stream.id) }
        submit([(":status", "200"), ("content-type", "application/grpc")], on: stream)
    }

    /// Ends a stream by a head alone.
    package func refuse(_ stream: ServedStream, status: Int) {
        began.insert(stream.id)
        submit([(":status", "200"), ("grpc-status", "\(status)")], on: stream, endStream: true)
    }

    private func submit(_ fields: [(String, String)], on stream: ServedStream, endStream: Bool = false) {
        let head = list(fields)
        submitResponse(head, endStream: endStream, on: stream.id, context: stream)
        headerLists.give(head)
    }

    private func list(_ fields: [(String, String)]) -> HeaderList {
        let list = headerLists.take()
        for (name, value) in fields { list.append(name: name, value: value) }
        return list
    }

    public override func requestBegan(on stream: StreamID) -> StreamContext {
        let served = ServedStream(stream)
        streams.append(served)
        return served
    }

    public override func requestReceived(
        _ head: HeaderList, endStream: Bool, on stream: StreamID, _ context: StreamContext
    ) {
        streams.last { $0.id == stream }?.path = head.list.first { $0.name == ":path" }?.value ?? ""
        headerLists.give(head)
    }

    public override func dataReceived(_ bytes: UnsafeRawBufferPointer, on stream: StreamID, _ context: StreamContext) {
        consume(bytes.count, on: stream)
        guard let served = streams.last(where: { $0.id == stream }) else { return }
        unsafe served.request += bytes
    }

    public override func endReceived(on stream: StreamID, _ context: StreamContext) {
        streams.last { $0.id == stream }?.hasEnded = true
    }

    public override func body(
        of stream: StreamID, _ context: StreamContext, into buffer: UnsafeMutableRawBufferPointer
    ) -> Body {
        guard let served = streams.last(where: { $0.id == stream }) else { return .last(0) }
        let count = min(buffer.count, served.outgoing.count)
        unsafe buffer.copyBytes(from: served.outgoing.prefix(count))
        served.outgoing = served.outgoing.dropFirst(count)
        guard served.outgoing.isEmpty, let status = served.status else {
            return count > 0 ? .bytes(count) : .nothingYet
        }
        let trailers = list([("grpc-status", "\(status)")])
        submitTrailers(trailers, on: stream)
        headerLists.give(trailers)
        return .lastBeforeTrailers(count)
    }

    public override func resetReceived(_ code: ErrorCode, on stream: StreamID, _ context: StreamContext) {
        resets.append(stream)
    }

    public override func pingReceived() -> Bool {
        pingCount += 1
        return true
    }

    /// Carries bytes both ways until neither side has any.
    package func exchange(with client: Session) throws {
        while true {
            let requests = try Self.carry(from: client, to: self)
            let answers = try Self.carry(from: self, to: client)
            if !requests, !answers { return }
        }
    }

    private static func carry(from sender: Session, to receiver: Session) throws -> Bool {
        var bytes: [UInt8] = []
        try unsafe withUnsafeTemporaryAllocation(byteCount: Session.leastOutput, alignment: 16) { buffer in
            while true {
                let count = try unsafe sender.write(into: buffer)
                guard count > 0 else { return }
                unsafe bytes += buffer[..<count]
            }
        }
        try unsafe bytes.withUnsafeBytes { try unsafe receiver.receive($0) }
        return !bytes.isEmpty
    }
}
