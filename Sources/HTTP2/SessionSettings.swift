/// The settings that a session announces to its peer at the start.
public struct SessionSettings: Sendable {
    /// SETTINGS_MAX_CONCURRENT_STREAMS: streams that the peer may have open. Servers only.
    public var maxConcurrentStreams: UInt32
    /// SETTINGS_INITIAL_WINDOW_SIZE: bytes of a stream that may wait here, 1 to 2^31-1.
    public var streamWindow: Int32
    /// Bytes of all streams together that may wait here, 65,535 to 2^31-1.
    public var connectionWindow: Int32
    /// SETTINGS_MAX_HEADER_LIST_SIZE, in bytes. No more than this is kept of a longer list, and its receiver must check
    /// for that.
    public var maxHeaderListSize: UInt32
    /// Fields kept of a header list, with the same consequences.
    public var maxHeaderFields: Int

    /// The window of a stream whose receiver has announced no other, in bytes (RFC 9113, section 6.9.2).
    public static let initialStreamWindow: Int32 = 65_535

    public init(
        maxConcurrentStreams: UInt32 = 100, streamWindow: Int32 = initialStreamWindow,
        connectionWindow: Int32 = 1 << 20, maxHeaderListSize: UInt32 = 16_384, maxHeaderFields: Int = 100
    ) {
        self.maxConcurrentStreams = maxConcurrentStreams
        self.streamWindow = streamWindow
        self.connectionWindow = connectionWindow
        self.maxHeaderListSize = maxHeaderListSize
        self.maxHeaderFields = maxHeaderFields
    }
}
