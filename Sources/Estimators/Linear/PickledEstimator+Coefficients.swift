import Pickle

extension PickledEstimator {
    /// One of several words; `missing` if there is no such attribute.
    func word(_ attribute: String, of words: Set<String>, missing: String? = nil) throws(ModelError) -> String {
        if let missing, optional(attribute) == nil { return missing }
        let value = try required(attribute)
        guard case .string(let word) = value, words.contains(word) else {
            throw unusable(attribute, value, expected: Self.choice(words))
        }
        return word
    }

    /// `'a', 'b' or 'c'`.
    private static func choice(_ words: Set<String>) -> String {
        let quotedWords = words.sorted().map { quoted($0) }
        guard let last = quotedWords.last, quotedWords.count > 1 else { return quotedWords.joined() }
        return quotedWords.dropLast().joined(separator: ", ") + " or " + last
    }

    /// An array of whole numbers, with its shape.
    func integers(_ attribute: String) throws(ModelError) -> (shape: [Int], elements: [Int]) {
        let value = try required(attribute)
        guard case .node(let node) = value, case .array(let array) = document[node],
            case .integers(let elements) = array.elements
        else { throw unusable(attribute, value, expected: "an array of whole numbers") }
        return (array.shape, elements)
    }

    /// A two-dimensional array of finite numbers.
    func matrix(_ attribute: String) throws(ModelError) -> Matrix {
        let (shape, elements) = try numbers(attribute)
        guard shape.count == 2 else {
            throw unusable(attribute, try required(attribute), expected: "an array of two dimensions")
        }
        return Matrix(rows: shape[0], columns: shape[1], values: elements)
    }

    /// A list of arrays of finite numbers, each with its shape.
    func arrays(_ attribute: String) throws(ModelError) -> [(shape: [Int], elements: [Double])] {
        let value = try required(attribute)
        guard let items = document.list(value) else { throw unusable(attribute, value, expected: "a list of arrays") }
        var arrays: [(shape: [Int], elements: [Double])] = []
        for item in items {
            guard case .node(let node) = item, case .array(let array) = document[node],
                case .floats(let elements) = array.elements, elements.allSatisfy(\.isFinite)
            else { throw unusable(attribute, item, expected: "an array of finite numbers") }
            arrays.append((array.shape, elements))
        }
        return arrays
    }

    /// Constants that are added to `count` sums. scikit-learn writes one for each; a single one, as an array or a
    /// number, applies to all.
    func constants(_ attribute: String, count: Int) throws(ModelError) -> [Double] {
        let value = try required(attribute)
        if let number = value.number, number.isFinite { return Array(repeating: number, count: count) }
        let (shape, elements) = try numbers(attribute)
        if shape == [count] { return elements }
        if shape.count < 2, elements.count == 1 { return Array(repeating: elements[0], count: count) }
        throw unusable(attribute, value, expected: "an array of \(count) numbers")
    }

    /// The members of an attribute that is an instance of a class; nil for anything else.
    func part(_ attribute: String, of name: PythonName) -> PickledNode.Identifier? {
        guard case .node(let node)? = optional(attribute), case .instance(let found, let members?) = document[node],
            found == name
        else { return nil }
        return members
    }
}
