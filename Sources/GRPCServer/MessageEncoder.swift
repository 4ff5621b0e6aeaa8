/// Compresses messages of a response away from its call's thread, as the call itself would.
package struct MessageEncoder: Sendable {
    private let compression: ResponseCompression

    init(_ compression: ResponseCompression) {
        self.compression = compression
    }

    package func encode(_ message: [UInt8]) -> EncodedMessage {
        guard let coding = compression.coding(ofMessage: message.count, wanted: nil) else {
            return EncodedMessage(bytes: message, isCompressed: false)
        }
        return EncodedMessage(bytes: coding.compress(message), isCompressed: true)
    }
}

/// A message as it goes out.
package struct EncodedMessage: Sendable {
    let bytes: [UInt8]
    let isCompressed: Bool
}
