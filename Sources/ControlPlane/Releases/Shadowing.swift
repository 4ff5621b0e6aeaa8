import Comparison
import DataPlane

/// What shadow steps need besides the workers: where answers are compared, and how their types are learnt.
package struct Shadowing: Sendable {
    package let comparer: ShadowComparer
    /// Whether differences show strings and bytes.
    let reveals: Bool
    /// Reads what messages look like, of a color if it has to be asked.
    let types: @Sendable (Color) async throws(MessageTypes.Failure) -> MessageTypes

    package init(
        comparer: ShadowComparer, reveals: Bool,
        types: @escaping @Sendable (Color) async throws(MessageTypes.Failure) -> MessageTypes
    ) {
        self.comparer = comparer
        self.reveals = reveals
        self.types = types
    }
}
