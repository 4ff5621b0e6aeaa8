/// The first message of one direction of a gRPC call, of which only the prefix is read: once the direction is over, its length
/// shows whether it was the only one. Pure.
package struct FirstMessage: Sendable {
    /// Bytes of the message with its prefix; 0 if they aren't known.
    private var length: UInt32 = 0

    package init() {}

    /// - Parameter bytes: the first of the direction, at least one. A prefix that comes in pieces isn't read.
    @inline(__always)
    package init(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count >= 5 else { return }
        // What doesn't fit comes to less than a prefix, which no direction with a whole prefix has.
        length = unsafe 5 &+ UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 1, as: UInt32.self))
    }

    /// Whether it was the only message of a direction that had so many bytes in all.
    @inline(__always)
    package func isOnly(of bytes: Int) -> Bool { length != 0 && Int(length) == bytes }
}
