import Connections
import DataPlane

/// How much data may wait in the Proxy.
package struct MemoryLimitSettings: SettingGroup {
    package static let title = "Windows and memory"

    package let streamWindow = Setting(
        "stream-window", \.limits.streamWindow, .bytes(in: 1024...gibibyte), isLive: true,
        help: """
            Bytes of one stream that may wait in the Proxy in one direction; the window then grows with bandwidth and \
            distance.
            """)
    package let connectionWindow = Setting(
        // A connection's window begins at 65,535 bytes and can't be made smaller (RFC 9113, section 6.9.2).
        "connection-window", \.limits.connectionWindow, .bytes(in: 65_535...gibibyte), isLive: true,
        help: """
            Bytes of one client connection's responses that may wait in the Proxy; windows then grow with what their \
            readers take, by up to three times as much.
            """)
    package let maxBufferedBytes = Setting(
        "max-buffered-bytes", \.limits.maxBufferedBytes, .bytes(in: (1 << 20)...(1024 * gibibyte)), isLive: true,
        help: """
            Bytes that a worker's calls may hold: waiting bodies, header lists and the calls themselves. Above three \
            quarters of it, streams are ended: of the peer that pins most, those that have been shut longest.
            """)
    package let maxReplayBytes = Setting(
        "max-replay-bytes", \.limits.maxReplayBytes, .bytes(in: 0...(16 << 20)), isLive: true,
        help: "Bytes of a request's body that are kept for a second attempt elsewhere.")

    private static let gibibyte = 1 << 30

    package init() {}
}
