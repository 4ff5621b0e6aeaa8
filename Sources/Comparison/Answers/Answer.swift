/// One side's answer to a call, as far as it is compared: the status with which it ended, and its messages. Metadata isn't
/// part of it.
package struct Answer: Sendable, Equatable {
    /// The call's gRPC status, 0 (OK) to 16; a number beyond that is taken for UNKNOWN, as gRPC's clients do.
    package let status: Int
    /// How the messages that are marked as compressed are compressed.
    package let encoding: MessageEncoding
    /// The messages, in the order in which they came.
    package let messages: [FramedMessage]
    /// Why the messages end before the answer's bytes do; `nil` if those were taken apart to the end.
    package let flaw: FramingFlaw?

    package init(
        status: Int, encoding: MessageEncoding = .identity, messages: [FramedMessage], flaw: FramingFlaw? = nil
    ) {
        self.status = (0...16).contains(status) ? status : 2
        self.encoding = encoding
        self.messages = messages
        self.flaw = flaw
    }
}

/// A message as it comes in a gRPC stream.
package struct FramedMessage: Sendable, Equatable {
    /// Whether the bytes are compressed, in the encoding that the answer's head names.
    package let isCompressed: Bool
    /// The message without the five bytes before it.
    package let bytes: [UInt8]

    package init(isCompressed: Bool = false, bytes: [UInt8]) {
        self.isCompressed = isCompressed
        self.bytes = bytes
    }
}
