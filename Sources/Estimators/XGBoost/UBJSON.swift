/// A value in Universal Binary JSON, as XGBoost writes it.
///
/// Source: ubjson.org, draft 12; XGBoost, `src/common/json.cc`, `UBJWriter`.
enum UBJSON {
    case null
    case boolean(Bool)
    case integer(Int)
    case float(Float)
    case string(String)
    case array([UBJSON])
    /// An array of numbers of one type, which are stored without marks.
    case floats([Float])
    case integers([Int])
    case object([String: UBJSON])

    /// A member of an object.
    subscript(_ key: String) -> UBJSON? {
        if case .object(let members) = self { members[key] } else { nil }
    }

    /// A number, also one that is written as text, as XGBoost writes parameters.
    var wholeNumber: Int? {
        switch self {
        case .integer(let integer): integer
        case .string(let text): Int(text)
        default: nil
        }
    }

    var text: String? { if case .string(let text) = self { text } else { nil } }

    /// An array of whole numbers, in whichever form it is written.
    var wholeNumbers: [Int]? {
        switch self {
        case .integers(let integers): integers
        case .array(let items):
            items.reduce(into: [] as [Int]?) { numbers, item in
                if case .integer(let integer) = item { numbers?.append(integer) } else { numbers = nil }
            }
        default: nil
        }
    }

    /// An array of numbers, in whichever form it is written.
    var numbers: [Float]? {
        switch self {
        case .floats(let floats): floats
        case .integers(let integers): integers.map(Float.init)
        case .array(let items):
            items.reduce(into: [] as [Float]?) { numbers, item in
                switch item {
                case .float(let number): numbers?.append(number)
                case .integer(let integer): numbers?.append(Float(integer))
                default: numbers = nil
                }
            }
        default: nil
        }
    }

    var items: [UBJSON]? { if case .array(let items) = self { items } else { nil } }
}
