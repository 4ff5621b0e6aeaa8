/// Where the types of messages are known from, by which a release compares answers.
package enum DescriptorSource: Sendable, Hashable {
    /// Nowhere: fields are compared by their numbers.
    case off
    /// A file with a FileDescriptorSet.
    case file(path: String)
    /// The active color, by gRPC's server reflection.
    case reflection
}

extension DescriptorSource: CustomStringConvertible {
    /// The source as the setting has it.
    package var description: String {
        switch self {
        case .off: "off"
        case .file(let path): path
        case .reflection: "reflection"
        }
    }
}
