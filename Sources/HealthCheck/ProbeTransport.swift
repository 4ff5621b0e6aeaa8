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

    /// Whether there are bytes that the socket no longer reports.
    var hasPending: Bool { tls?.hasPending ?? false }
}
