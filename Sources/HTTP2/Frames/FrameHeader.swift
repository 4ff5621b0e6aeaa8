/// The header that every frame begins with (RFC 9113, section 4.1).
package struct FrameHeader {
    static let length = 9
    /// Bytes of the largest payload that either side of a session here takes (RFC 9113, section 4.2).
    static let largestPayload = 16_384

    enum Kind {
        static let data: UInt8 = 0
        static let headers: UInt8 = 1
        static let priority: UInt8 = 2
        static let resetStream: UInt8 = 3
        static let pushPromise: UInt8 = 5
        static let continuation: UInt8 = 9
    }

    enum Flag {
        static let endStream: UInt8 = 0x1
        static let endHeaders: UInt8 = 0x4
        static let padded: UInt8 = 0x8
        static let priority: UInt8 = 0x20
    }

    /// Length of the payload in bytes, without this header.
    package let payloadLength: Int
    /// The frame's type, such as `Kind.data`.
    package let kind: UInt8
    /// The flags, whose meaning depends on the type.
    package let flags: UInt8
    /// The stream, or 0 for the connection.
    package let stream: StreamID

    /// - Parameter bytes: `length` bytes or more.
    @inline(__always)
    package init(_ bytes: UnsafeRawBufferPointer) {
        payloadLength = unsafe Int(bytes[0]) << 16 | Int(bytes[1]) << 8 | Int(bytes[2])
        kind = unsafe bytes[3]
        flags = unsafe bytes[4]
        let word = unsafe StreamID(bigEndian: bytes.loadUnaligned(fromByteOffset: 5, as: StreamID.self))
        // The first bit is reserved.
        stream = word & StreamID.max
    }

    package init(payloadLength: Int, kind: UInt8, flags: UInt8, stream: StreamID) {
        self.payloadLength = payloadLength
        self.kind = kind
        self.flags = flags
        self.stream = stream
    }

    /// Writes the header into the first `length` bytes.
    @inline(__always)
    func write(to bytes: UnsafeMutableRawBufferPointer) {
        unsafe bytes[0] = UInt8(truncatingIfNeeded: payloadLength >> 16)
        unsafe bytes[1] = UInt8(truncatingIfNeeded: payloadLength >> 8)
        unsafe bytes[2] = UInt8(truncatingIfNeeded: payloadLength)
        unsafe bytes[3] = kind
        unsafe bytes[4] = flags
        unsafe bytes.storeBytes(of: stream.bigEndian, toByteOffset: 5, as: StreamID.self)
    }

    func has(_ flag: UInt8) -> Bool { flags & flag != 0 }
}
