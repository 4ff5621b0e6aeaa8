/// The state that a session's owner keeps for a stream. The owner keeps it alive from `requestBegan` or `submitRequest`
/// until `streamClosed` has returned, or the session is gone.
open class StreamContext {
    public init() {}
}

/// The kind of a frame that begins to arrive.
public enum IncomingFrame: Sendable {
    /// DATA with a payload.
    case data
    /// HEADERS, with or without END_HEADERS.
    case headers
    /// Any frame that moves neither a head nor a body; also DATA consisting of padding only, once it is complete.
    case control
}

/// The events that a session passes to its subclass. By default each does nothing but give back what it was given.
///
/// A class and not an extension of `Session`, because only what a class declares in its own body can be overridden.
open class SessionEvents {
    /// A subclass's answer when libnghttp2 asks for a stream's next DATA.
    public enum Body {
        /// This many bytes were written, and more may come.
        case bytes(Int)
        /// This many bytes were written, the stream's last: END_STREAM goes with them.
        case last(Int)
        /// This many bytes were written, the last before trailers, which the subclass has just submitted.
        case lastBeforeTrailers(Int)
        /// Nothing for now; `resume(_:)` will follow.
        case nothingYet
    }

    /// The pool that received header lists come from and go back to.
    public let headerLists: HeaderListPool

    init(headerLists: HeaderListPool) {
        self.headerLists = headerLists
    }

    /// A frame of any type begins to arrive. For a type unknown to libnghttp2 this is the only event.
    ///
    /// - Returns: whether the session may go on; if not, `receive(_:)` fails.
    open func frameBegan(_ frame: IncomingFrame) -> Bool { true }

    /// Bytes of a header block, and fields, have come in beyond a header list's limits: they were decoded only to keep
    /// the table right, and are dropped.
    ///
    /// - Returns: whether the session may go on; if not, `receive(_:)` fails.
    open func headersSkipped(bytes: Int, fields: Int) -> Bool { true }

    /// A request begins (servers). The result is passed to further events of the stream.
    open func requestBegan(on stream: StreamID) -> StreamContext {
        preconditionFailure("a server session's subclass takes requests")
    }

    /// A request's head is complete. The subclass gives the list back to the pool when it's done with it.
    open func requestReceived(_ head: HeaderList, endStream: Bool, on stream: StreamID, _ context: StreamContext) {}

    /// An interim response has arrived (clients).
    open func informationalReceived(_ head: HeaderList, on stream: StreamID, _ context: StreamContext) {
        headerLists.give(head)
    }

    /// A final response's head has arrived (clients).
    open func responseReceived(_ head: HeaderList, endStream: Bool, on stream: StreamID, _ context: StreamContext) {
        headerLists.give(head)
    }

    /// The peer's trailers have arrived, which end its side of the stream.
    open func trailersReceived(_ trailers: HeaderList, on stream: StreamID, _ context: StreamContext) {
        headerLists.give(trailers)
    }

    /// Bytes of a stream have arrived. They count against the windows until they are consumed.
    open func dataReceived(_ bytes: UnsafeRawBufferPointer, on stream: StreamID, _ context: StreamContext) {}

    /// The peer has ended its side of the stream with a DATA frame.
    open func endReceived(on stream: StreamID, _ context: StreamContext) {}

    /// The peer has reset the stream; `streamClosed` follows.
    open func resetReceived(_ code: ErrorCode, on stream: StreamID, _ context: StreamContext) {}

    /// libnghttp2 asks for a stream's next bytes.
    open func body(
        of stream: StreamID, _ context: StreamContext, into buffer: UnsafeMutableRawBufferPointer
    ) -> Body { .last(0) }

    /// The frame with which this side ends the stream has been written.
    open func endSent(on stream: StreamID, _ context: StreamContext) {}

    /// The stream is over and its context will not be touched again.
    ///
    /// - Parameter code: `noError` if both sides have ended the stream. A client also sees `refusedStream` for streams
    ///   that the peer's GOAWAY doesn't cover, and for requests that could not be sent after one.
    open func streamClosed(_ stream: StreamID, _ code: ErrorCode, _ context: StreamContext) {}

    /// The peer's SETTINGS have arrived and are in force.
    open func settingsReceived() {}

    /// The peer has sent GOAWAY (RFC 9113, section 6.8): it opens no more streams and processes none above
    /// `lastStream`.
    ///
    /// On a client, each stream above that id closes with `refusedStream`. A peer may send several GOAWAYs with falling
    /// ids; the first of a graceful shutdown has the highest id there is.
    open func goAwayReceived(lastStream: StreamID, _ code: ErrorCode) {}

    /// A RST_STREAM has been written: either a submitted one or libnghttp2's own.
    open func resetSent(_ code: ErrorCode, on stream: StreamID) {}

    /// A GOAWAY has been written: either a submitted one, or libnghttp2's own, which ends a session whose peer has
    /// broken HTTP/2 and says in words how.
    open func goAwaySent(_ code: ErrorCode, saying text: String) {}

    /// The peer has sent a PING, which libnghttp2 answers.
    ///
    /// - Returns: whether the session may go on; if not, `receive(_:)` fails.
    open func pingReceived() -> Bool { true }

    /// The peer has answered a PING with this payload, or sent the answer to a PING that was never sent.
    open func pingAnswered(_ payload: UInt64) {}

    /// The peer has given credit for bytes of all streams, which is in force now.
    open func connectionCredited(_ count: Int) {}

    /// The peer has given credit for bytes of a stream, which is in force now.
    open func streamCredited(_ count: Int, on stream: StreamID, _ context: StreamContext) {}
}
