/// What stands for a value that the reader doesn't understand, where the file has one: only what it was.
///
/// Models have attributes that no prediction needs, and those may be of any kind: a generator of random numbers, a
/// function, dates. Such a value may be filled, called and built as its makers like; it stays what it is.
package enum OpaqueValue: Sendable, Equatable {
    /// A class or function by itself.
    case name(PythonName)
    /// What a class or function would have made.
    case made(by: PythonName)
    /// Something else, in a few words: `a set`.
    case other(String)
    /// A numpy data type, with the bytes that one element takes, where they are known, and whether these refer to Python
    /// objects.
    case dataType(String, itemSize: Int?, holdsObjects: Bool)

    /// What calling it, or an instance of it, is.
    var product: OpaqueValue {
        switch self {
        case .name(let name), .made(by: let name): .made(by: name)
        case .other, .dataType: self
        }
    }

    /// The name in the file that it came by.
    var name: PythonName? {
        switch self {
        case .name(let name), .made(by: let name): name
        case .other, .dataType: nil
        }
    }
}

extension OpaqueValue: CustomStringConvertible {
    /// A few words for a message, of bounded length.
    package var description: String {
        switch self {
        case .name(let name): "the class or function \(quoted(name))"
        case .made(by: let name): "a value made by \(quoted(name))"
        case .other(let text): text
        case .dataType(let name, _, _): "the data type \(quoted(name))"
        }
    }
}
