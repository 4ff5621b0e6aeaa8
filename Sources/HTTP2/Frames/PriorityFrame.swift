/// A PRIORITY frame (RFC 7540, section 6.3): nothing here follows one, but a wrong one is an error.
package struct PriorityFrame {
    static let payloadLength = 5

    /// The stream that the frame is on.
    package let stream: StreamID
    /// The stream that the stream is to depend on.
    package let dependency: StreamID
    /// The whole frame.
    package let bytes: [UInt8]

    /// - Precondition: the payload has `payloadLength` bytes.
    init(_ header: FrameHeader, _ payload: UnsafeRawBufferPointer) {
        precondition(payload.count == Self.payloadLength)
        stream = header.stream
        dependency = unsafe StreamID(bigEndian: payload.loadUnaligned(as: StreamID.self)) & StreamID.max
        var frame = [UInt8](repeating: 0, count: FrameHeader.length)
        unsafe frame.withUnsafeMutableBytes { unsafe header.write(to: $0) }
        bytes = unsafe frame + payload
    }
}
