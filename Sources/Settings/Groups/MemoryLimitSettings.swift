import DataPlane

/// What may wait in the Proxy.
package struct MemoryLimitSettings: SettingGroup {
    package static let title = "Windows and memory"

    package let streamWindow = Setting(
        "stream-window", \.limits.streamWindow, .bytes(in: 1024...gibibyte), isLive: true,
        help: """
            Bytes of one stream that may wait in the Proxy in one direction, before its window grows with the bandwidth \
            and the distance.
            """)
    package let connectionWindow = Setting(
        // A connection's window begins at 65,535 bytes and can't be made smaller (RFC 9113, section 6.9.2).
        "connection-window", \.limits.connectionWindow, .bytes(in: 65_535...gibibyte), isLive: true,
        help: """
            Bytes of responses of one client connection that may wait in the Proxy, before windows grow with what their \
            readers take, to three times as much at most.
            """)
    package let maxBufferedBytes = Setting(
        "max-buffered-bytes", \.limits.maxBufferedBytes, .bytes(in: (1 << 20)...(1024 * gibibyte)), isLive: true,
        help: """
            Bytes that a worker's calls may hold: bodies that wait, header lists, themselves. From three quarters of it \
            on streams are ended: what has been shut longest, of the peer that pins most.
            """)
    package let maxReplayBytes = Setting(
        "max-replay-bytes", \.limits.maxReplayBytes, .bytes(in: 0...(16 << 20)), isLive: true,
        help: "Bytes of a request's body that are kept for a second try elsewhere.")

    private static let gibibyte = 1 << 30

    package init() {}
}
