import Comparison

/// What is known of the messages of the colors, and where it is known from.
package struct MessageTypes: Sendable {
    /// Why the types can't be had, in a sentence.
    package struct Failure: Error, Equatable, CustomStringConvertible {
        package var description: String

        package init(description: String) {
            self.description = description
        }
    }

    package var descriptors: Descriptors
    /// The file, `reflection`, or `none`; with why there are none, if there should be.
    package var source: String

    package static var none: MessageTypes { MessageTypes(descriptors: Descriptors(), source: "none") }

    package init(descriptors: Descriptors, source: String) {
        self.descriptors = descriptors
        self.source = source
    }
}
