import COpenSSL
import EventLoop
import Glibc

/// Records on their way between OpenSSL and the sockets: one buffer for all connections of a thread.
///
/// OpenSSL by itself reads a socket for as long as there is something, and writes each record by a system call of its
/// own. Through this buffer it gets what one read has brought, so that no peer keeps it busy for longer than a turn,
/// and the records that it makes in a turn are sent together. The contents belong to one connection, which empties the
/// buffer before it returns. Confined to one thread; it must outlive its connections.
///
/// Soundness: both pieces of memory live as long as this object; OpenSSL is lent others only within `lend`.
@safe
package final class RecordBuffer {
    /// Owned: made in `init`, freed in `deinit`. OpenSSL's connection objects point to it.
    let records: UnsafeMutablePointer<openssl_shim_records>
    private let received = UnsafeMutableRawBufferPointer.allocate(byteCount: mostReceived, alignment: 16)

    /// The most bytes of one read of a socket: together with the rest of a record before them, no more than
    /// `leastPlaintext`.
    private static let mostReceived = 32 * 1024
    /// Bytes of room in which the plaintext of one read is sure to fit.
    package static let leastPlaintext = mostReceived + Int(SSL3_RT_MAX_PACKET_SIZE)

    package init() {
        unsafe records = .allocate(capacity: 1)
        unsafe records.initialize(to: openssl_shim_records())
    }

    deinit {
        unsafe free(records.pointee.made)
        unsafe records.deallocate()
        unsafe received.deallocate()
    }

    /// Reads a socket and lets OpenSSL take what has come within `body`: all of it, except at the end of a handshake
    /// and at the connection's own end.
    func receive<Result>(from socket: Socket, _ body: (Socket.Transfer) -> Result) -> Result {
        let transfer = unsafe socket.read(into: received)
        guard case .bytes(let count) = transfer else {
            unsafe records.pointee.has_ended = transfer == .wouldBlock ? 0 : 1
            defer { unsafe records.pointee.has_ended = 0 }
            return body(transfer)
        }
        return unsafe lend(UnsafeRawBufferPointer(rebasing: received[..<count])) { body(transfer) }
    }

    /// Lets OpenSSL take these bytes within `body`.
    func lend<Result>(_ bytes: UnsafeRawBufferPointer, _ body: () -> Result) -> Result {
        unsafe records.pointee.received = bytes.bindMemory(to: UInt8.self).baseAddress
        unsafe records.pointee.received_count = bytes.count
        defer {
            unsafe records.pointee.received = nil
            unsafe records.pointee.received_count = 0
        }
        return body()
    }

    /// The bytes that OpenSSL hasn't taken yet. Valid within the `body` of `receive` or `lend`.
    var rest: UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(start: records.pointee.received, count: records.pointee.received_count)
    }

    /// Number of handshake messages that have come in since this was set.
    var messages: Int {
        get { unsafe records.pointee.messages }
        set { unsafe records.pointee.messages = newValue }
    }

    /// Number of handshake messages beyond which OpenSSL is given nothing more.
    var mostMessages: Int {
        get { unsafe records.pointee.most_messages }
        set { unsafe records.pointee.most_messages = newValue }
    }

    /// The records to be sent. Valid until OpenSSL is called again.
    var made: UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(start: records.pointee.made, count: records.pointee.made_count)
    }

    func removeMade() {
        unsafe records.pointee.made_count = 0
    }
}

/// OpenSSL's description of the objects that read and write a `RecordBuffer`.
///
/// Sendable: made once, and only read afterwards.
@safe
struct RecordMethod: @unchecked Sendable {
    static let shared = RecordMethod()

    let pointer: OpaquePointer

    private init() {
        guard let method = unsafe openssl_shim_make_record_method() else { fatalError("OpenSSL is out of memory") }
        unsafe pointer = method
    }
}
