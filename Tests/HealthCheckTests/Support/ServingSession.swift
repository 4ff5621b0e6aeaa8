import HTTP2
import HealthCheck

/// A stream that a `ServingSession` serves.
final class ServedStream: StreamContext {
    let id: StreamID
    var path = ""
    /// The request's bytes, with gRPC's header.
    var request: [UInt8] = []
    fileprivate var outgoing: [UInt8] = []
    fileprivate var status: Int?

    init(_ id: StreamID) { self.id = id }
}

/// The server's side of a health check's session, which answers as a test tells it to.
final class ServingSession: Session {
    private(set) var streams: [ServedStream] = []
    private(set) var resets: [StreamID] = []
    private(set) var pingCount = 0
    private var began: Set<StreamID> = []

    init() {
        super.init(
            role: .server, settings: SessionSettings(), headerLists: HeaderListPool(), memory: SessionMemory())
    }

    /// The newest stream of a method.
    func stream(_ method: String) -> ServedStream? { streams.last { $0.path.hasSuffix("/" + method) } }

    func count(_ method: String) -> Int { streams.count { $0.path.hasSuffix("/" + method) } }

    /// Sends a head if none has been sent, a message, and a gRPC status as trailers.
    func answer(_ stream: ServedStream, message: [UInt8]? = nil, status: Int? = nil) {
        if let message { stream.outgoing += MessageReader.framed(message) }
        stream.status = status
        guard began.insert(stream.id).inserted else { return resume(stream.id) }
        submit([(":status", "200"), ("content-type", "application/grpc")], on: stream)
    }

    /// Ends a stream by a head alone.
    func refuse(_ stream: ServedStream, status: Int) {
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

    override func requestBegan(on stream: StreamID) -> StreamContext {
        let served = ServedStream(stream)
        streams.append(served)
        return served
    }

    override func requestReceived(
        _ head: HeaderList, endStream: Bool, on stream: StreamID, _ context: StreamContext
    ) {
        streams.last { $0.id == stream }?.path = head.list.first { $0.name == ":path" }?.value ?? ""
        headerLists.give(head)
    }

    override func dataReceived(_ bytes: UnsafeRawBufferPointer, on stream: StreamID, _ context: StreamContext) {
        consume(bytes.count, on: stream)
        guard let served = streams.last(where: { $0.id == stream }) else { return }
        unsafe served.request += bytes
    }

    override func body(
        of stream: StreamID, _ context: StreamContext, into buffer: UnsafeMutableRawBufferPointer
    ) -> Body {
        guard let served = streams.last(where: { $0.id == stream }) else { return .last(0) }
        let count = served.outgoing.count
        unsafe buffer.copyBytes(from: served.outgoing)
        served.outgoing = []
        guard let status = served.status else { return count > 0 ? .bytes(count) : .nothingYet }
        let trailers = list([("grpc-status", "\(status)")])
        submitTrailers(trailers, on: stream)
        headerLists.give(trailers)
        return .lastBeforeTrailers(count)
    }

    override func resetReceived(_ code: ErrorCode, on stream: StreamID, _ context: StreamContext) {
        resets.append(stream)
    }

    override func pingReceived() -> Bool {
        pingCount += 1
        return true
    }

    /// Carries bytes both ways until neither side has any.
    func exchange(with client: Session) throws {
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
