/// The name of one of a classifier's classes, as in the training data.
package enum ClassLabel: Sendable, Hashable {
    case string(String)
    case integer(Int)
    case float(Double)
    case boolean(Bool)
}

extension ClassLabel: CustomStringConvertible {
    /// The label as Python prints it: `setosa`, `2`, `1.0`, `True`.
    package var description: String {
        switch self {
        case .string(let string): string
        case .integer(let integer): integer.description
        case .float(let number): number.description
        case .boolean(let boolean): boolean ? "True" : "False"
        }
    }
}
