import EventLoop
import TLS

/// A probe's connection once it stands: bytes over TCP alone, or over TLS. Confined to its loop's thread.
struct ProbeTransport {
    let socket: Socket
    /// `nil` for plaintext.
    var tls: TLSConnection?

    func read(into buffer: UnsafeMutableRawBufferPointer) -> Socket.Transfer {
        tls?.read(into: buffer) ?? socket.read(into: buffer)
    }

    func write(_ bytes: UnsafeRawBufferPointer) -> Socket.Transfer {
        tls?.write(bytes) ?? socket.write(bytes)
    }

    /// Whether the next read tells of the end, which the socket no longer reports.
    var hasEnding: Bool { tls?.hasEnding ?? false }
}
