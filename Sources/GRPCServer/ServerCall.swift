import Connections
import EventLoop
import Ground
import HTTP2

/// One call on the server's side. Everything is for the worker's thread; `handle` is the way in from others.
///
/// Soundness: a call has its connection lent until it is over (`isOver`), and the connection keeps the call until then.
@safe
package final class ServerCall: StreamContext {
    /// How the client has ended its side.
    enum Request {
        case coming
        /// All of it is here, and some may wait to be taken in.
        case ended
        /// The handler knows that it has ended.
        case delivered

        var hasEnded: Bool { if case .coming = self { false } else { true } }
    }

    /// How far the response is.
    enum Response {
        /// No head has been sent.
        case waiting
        case streaming
        /// The status is known; it goes out behind what waits.
        case ended(RPCStatus)
        /// The frame that ends it is queued.
        case sent
    }

    let stream: StreamID
    private unowned(unsafe) let connection: GRPCConnection
    /// The place among the connection's calls.
    var index = 0
    let began: MonotonicTime
    /// The call's own deadline; `nil` for none.
    package internal(set) var deadline: MonotonicTime?
    var deadlineTimer: TimerID?

    /// The place of the method in the server's table; `nil` for a call that is refused.
    var methodPlace: Int?
    var handler: (any StreamHandler)?
    /// The request's head, which is given back when the call is over.
    var head: HeaderList?

    var request = Request.coming
    var assembler: MessageAssembler
    /// Bytes that the worker counts for `assembler`.
    var countedBytes = 0
    /// The message of a unary call.
    var unaryMessage: [UInt8]?
    /// Whether the handler takes no more messages for now.
    private var isPausedByHandler = false
    /// Whether a message is being decompressed in the pool.
    var isInflating = false
    /// Whether no more messages are taken in for now; bytes wait, and their windows stay shut.
    var isPaused: Bool { isPausedByHandler || isInflating }
    /// What came since, behind `putBack`.
    var waitingRequest = ByteQueue()
    /// The rest of a piece that was being taken in when the handler had enough.
    var putBack: [UInt8] = []

    var response = Response.waiting
    var responseBytes = ByteQueue()
    /// Whether libnghttp2 has been told that nothing waits to be sent.
    var awaitsBody = false
    /// Time since which something waits for the client, while it takes nothing.
    var undeliveredSince: MonotonicTime?
    private var initialMetadata: [(name: String, value: String)] = []
    private var trailingMetadata: [(name: String, value: String)] = []

    /// Whether the stream is closed. Nothing that is sent after that goes anywhere.
    package internal(set) var isOver = false

    /// Bytes that may wait to be sent before a handler had better wait.
    static let mostWaiting = 64 * 1024

    init(_ connection: GRPCConnection, stream: StreamID, most: Int) {
        unsafe self.connection = connection
        self.stream = stream
        began = connection.host.loop.now
        assembler = MessageAssembler(most: most)
    }

    // MARK: What the client has sent

    /// The values of a field of the request's head, by its name in lower case; binary ones (`-bin`) as they came, in
    /// Base64.
    package func values(of name: String) -> [String] {
        values(of: Array(name.utf8))
    }

    private func values(of name: [UInt8]) -> [String] {
        var values: [String] = []
        unsafe head?.forEachValue(named: name) { unsafe values.append(String(decoding: $0, as: UTF8.self)) }
        return values
    }

    // Every call is asked for the first of them.
    private static let encoding = Array("grpc-encoding".utf8)
    private static let acceptEncoding = Array("grpc-accept-encoding".utf8)

    /// Whether the message that the handler was given last came compressed.
    package internal(set) var messageWasCompressed = false

    /// Takes no more messages for now.
    package func pauseReading() { isPausedByHandler = true }

    /// Takes messages again, beginning with what has come meanwhile.
    package func resumeReading() {
        guard isPausedByHandler, !isOver else { return }
        isPausedByHandler = false
        if !isPaused { unsafe connection.resume(self) }
    }

    // MARK: What is answered

    /// Adds a field to the response's head, which hasn't been sent.
    package func addInitialMetadata(_ name: String, _ value: String) { initialMetadata.append((name, value)) }

    /// Adds a field to the trailers.
    package func addTrailingMetadata(_ name: String, _ value: String) { trailingMetadata.append((name, value)) }

    /// Sends the response's head, if that hasn't been done; the first message does it otherwise.
    ///
    /// - Parameter mayCompress: whether messages behind it can be compressed; `nil` to do as the client does.
    package func sendHead(mayCompress: Bool? = nil) {
        guard !isOver, case .waiting = response else { return }
        unsafe connection.sendHead(self, mayCompress: mayCompress)
    }

    /// Sends a message behind those before.
    ///
    /// - Parameter compressed: whether it is compressed; `nil` to do as the client does. A client that takes no
    ///   compression gets none, nor does any if the head names no coding: a first message with `nil` to a client that
    ///   compresses nothing sends such a head.
    package func send(_ message: [UInt8], compressed: Bool? = nil) {
        guard !isOver else { return }
        switch response {
        case .waiting, .streaming: unsafe connection.send(message, compressed: compressed, on: self)
        case .ended, .sent: return
        }
    }

    /// Sends a message that `encoder` has made.
    package func send(_ message: EncodedMessage) {
        guard !isOver else { return }
        switch response {
        case .waiting, .streaming: unsafe connection.send(message, on: self)
        case .ended, .sent: return
        }
    }

    /// Makes messages ready to be sent, on any thread, as `send(_:compressed:)` would with `nil`.
    package var encoder: MessageEncoder {
        var compression = compression
        if case .waiting = response { compression.beginResponse(mayCompress: nil, accepted: acceptedCodings) }
        return MessageEncoder(compression)
    }

    /// Whether what waits to be sent is so little that more should follow. After it was not, `roomWasMade` is called.
    package var hasRoom: Bool { responseBytes.count < Self.mostWaiting }

    /// Ends the call behind what has been sent. Without effect if it has ended.
    package func finish(_ status: RPCStatus = .ok) {
        guard !isOver else { return }
        switch response {
        case .waiting, .streaming: unsafe connection.finish(self, status)
        case .ended, .sent: return
        }
    }

    /// Whether the call needs nothing more of its handler.
    package var isFinished: Bool {
        if isOver { return true }
        switch response {
        case .waiting, .streaming: return false
        case .ended, .sent: return true
        }
    }

    // MARK: From other threads

    /// Of a call that has had something worked out in the pool.
    private var life: CallLife?

    /// Nobody waits for the call's work any more.
    func endWork() { life?.end() }

    /// Decompresses a message in the pool; until that is done, nothing more is taken in.
    func inflate(_ bytes: [UInt8], _ coding: MessageCoding, most: Int) {
        isInflating = true
        runInBackground(holding: bytes.count) {
            let result = Result { () throws(MessageCoding.Flaw) in try coding.decompress(bytes, most: most) }
            return { call in
                call.isInflating = false
                unsafe call.connection.inflated(result, coding, call)
            }
        }
    }

    /// Works something out on a thread of the pool, and takes what comes of it on the call's own thread. The call ends with
    /// RESOURCE_EXHAUSTED if too much waits for the pool already. Work whose call is over before its turn is not done.
    ///
    /// - Parameters:
    ///   - bytes: memory that the work holds.
    ///   - work: runs in the pool; what it returns runs on the call's thread, unless the call is over.
    package func runInBackground(
        holding bytes: Int, _ work: @escaping @Sendable () -> @Sendable (ServerCall) -> Void
    ) {
        let handle = handle
        let life = life ?? CallLife()
        self.life = life
        let isTaken = unsafe connection.worker.pool.run(of: connection.holder, bytes: bytes) {
            guard !life.isOver else { return }
            let finish = work()
            handle.run { call in if !call.isFinished { finish(call) } }
        }
        if !isTaken { finish(RPCStatus(.resourceExhausted, "too much work waits already")) }
    }

    /// The call for another thread.
    package var handle: CallHandle { unsafe CallHandle(call: self, mailbox: connection.host.loop.mailbox) }

    // MARK: Coding

    /// Bytes that the call holds of messages on their way in or out.
    var heldBytes: Int { requestBytes + waitingRequest.count + responseBytes.count }

    /// Those of them that are in no chunks, which are counted elsewhere.
    var requestBytes: Int { assembler.held + putBack.count }

    /// How the client compresses its messages; `nil` if by something unknown.
    lazy var requestCoding: MessageCoding? = {
        guard let name = values(of: Self.encoding).last else { return .identity }
        return MessageCoding(rawValue: name)
    }()

    /// Which messages to the client are compressed.
    lazy var compression = ResponseCompression(request: requestCoding)

    /// The values of `grpc-accept-encoding`.
    var acceptedCodings: [String] { values(of: Self.acceptEncoding) }

    // MARK: Header lists

    /// Whether the head or the trailers carry fields of the method's own.
    var hasInitialMetadata: Bool { !initialMetadata.isEmpty }
    var hasTrailingMetadata: Bool { !trailingMetadata.isEmpty }

    func writeInitialMetadata(to list: HeaderList) {
        for (name, value) in initialMetadata { list.append(name: name, value: value) }
    }

    func writeTrailers(_ status: RPCStatus, to list: HeaderList) {
        list.append("grpc-status", String(status.code.rawValue))
        if !status.message.isEmpty { list.append("grpc-message", PercentCoding.encoded(status.message)) }
        for (name, value) in trailingMetadata { list.append(name: name, value: value) }
    }
}

/// A call as other threads hold it.
package struct CallHandle: Sendable {
    private let call: LoopConfined<ServerCall>
    private let mailbox: Mailbox

    init(call: ServerCall, mailbox: Mailbox) {
        self.call = LoopConfined(call)
        self.mailbox = mailbox
    }

    /// Runs work on the call's thread; it finds out whether the call is over.
    package func run(_ work: @escaping @Sendable (ServerCall) -> Void) {
        mailbox.post { [call] in work(call.value) }
    }
}
