/// The listener that a client's connection comes by.
public enum Door: Sendable {
    /// The one for everybody.
    case main
    /// The one beside it, whose calls are treated in a way of their own.
    case preview
}
