/// A placeholder for a value that the reader doesn't understand: it records only what the value was.
///
/// Models have attributes that no prediction needs, and those may be of any kind: a random number generator, a
/// function, dates. Such a value may be filled, called and built in any way; it stays as it is.
package enum OpaqueValue: Sendable, Equatable {
    /// A class or function by itself.
    case name(PythonName)
    /// The result of calling a class or function.
    case made(by: PythonName)
    /// Anything else, in a few words: `a set`.
    case other(String)
    /// A numpy data type, with the size of an element in bytes, if it is known, and whether the elements refer to
    /// Python objects.
    case dataType(String, itemSize: Int?, holdsObjects: Bool)

    /// The value that results from calling it, or an instance of it.
    var product: OpaqueValue {
        switch self {
        case .name(let name), .made(by: let name): .made(by: name)
        case .other, .dataType: self
        }
    }

    /// The name that the file gave for it.
    package var name: PythonName? {
        switch self {
        case .name(let name), .made(by: let name): name
        case .other, .dataType: nil
        }
    }
}

extension OpaqueValue: CustomStringConvertible {
    /// A few words for a message, of limited length.
    package var description: String {
        switch self {
        case .name(let name): "the class or function \(quoted(name))"
        case .made(by: let name): "a value made by \(quoted(name))"
        case .other(let text): text
        case .dataType(let name, _, _): "the data type \(quoted(name))"
        }
    }
}
