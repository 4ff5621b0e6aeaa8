import Pickle

// What steps read besides arrays of finite numbers: options, lists of places, arrays inside of lists.
extension PickledEstimator {
    /// An option that is text; `missing` if there is no such attribute.
    ///
    /// - Parameter known: what it may be.
    func option(_ attribute: String, missing: String? = nil, known: [String]) throws(ModelError) -> String {
        let value: PickledValue =
            if let missing { optional(attribute) ?? .string(missing) } else { try required(attribute) }
        guard case .string(let text) = value, known.contains(text) else {
            throw unusable(attribute, value, expected: known.map { "'\($0)'" }.joined(separator: " or "))
        }
        return text
    }

    /// A finite number.
    func number(_ attribute: String) throws(ModelError) -> Double {
        let value = try required(attribute)
        guard let number = value.number, number.isFinite else {
            throw unusable(attribute, value, expected: "a number")
        }
        return number
    }

    /// The items of a list or tuple.
    func items(_ attribute: String, atMost most: Int) throws(ModelError) -> [PickledValue] {
        let value = try required(attribute)
        guard let items = document.list(value) ?? document.tuple(value), items.count <= most else {
            throw unusable(attribute, value, expected: "a list of at most \(most) items")
        }
        return items
    }

    /// An array of one dimension.
    func array(_ value: PickledValue, of attribute: String) throws(ModelError) -> NumpyArray {
        guard case .node(let node) = value, case .array(let array) = document[node], array.shape.count == 1 else {
            throw unusable(attribute, value, expected: "an array of one dimension")
        }
        return array
    }

    /// An array of one dimension of numbers of any kind, NaN and infinity among them.
    func anyNumbers(_ value: PickledValue, of attribute: String) throws(ModelError) -> [Double] {
        switch try array(value, of: attribute).elements {
        case .floats(let numbers): return numbers
        case .integers(let numbers): return numbers.map(Double.init)
        case .booleans(let booleans): return booleans.map { $0 ? 1 : 0 }
        case .strings, .objects: throw unusable(attribute, value, expected: "an array of numbers")
        }
    }

    /// A list or an array of places.
    ///
    /// - Parameter count: every place is below it.
    func places(_ value: PickledValue, below count: Int, of attribute: String) throws(ModelError) -> [Int] {
        let found: [PickledValue]
        if let items = document.list(value) ?? document.tuple(value) {
            found = items
        } else {
            switch try array(value, of: attribute).elements {
            case .integers(let integers): found = integers.map(PickledValue.integer)
            case .objects(let objects): found = objects
            // An empty array is one of floats.
            case .floats(let numbers) where numbers.isEmpty: found = []
            case .booleans, .floats, .strings: throw unusable(attribute, value, expected: "places")
            }
        }
        var places: [Int] = []
        places.reserveCapacity(found.count)
        for value in found {
            guard case .integer(let place) = value, (0..<count).contains(place) else {
                throw unusable(attribute, value, expected: "a place from 0 to \(count - 1)")
            }
            places.append(place)
        }
        return places
    }

    /// The places at which an array of Booleans is true.
    ///
    /// - Parameter count: the array's length.
    func mask(_ attribute: String, count: Int) throws(ModelError) -> [Int] {
        let value = try required(attribute)
        guard case .booleans(let mask) = try array(value, of: attribute).elements, mask.count == count else {
            throw unusable(attribute, value, expected: "an array of \(count) Booleans")
        }
        return mask.indices.filter { mask[$0] }
    }

    /// The members of a dictionary.
    func members(_ attribute: String) throws(ModelError) -> [PickledNode.Member] {
        let value = try required(attribute)
        guard case .node(let node) = value, let members = document.members(node) else {
            throw unusable(attribute, value, expected: "a dictionary")
        }
        return members
    }

    /// The version of scikit-learn that wrote the estimator, as major and minor; the newest if the file doesn't say.
    var version: (major: Int, minor: Int) {
        guard case .string(let text)? = optional("_sklearn_version"), text.utf8.count < 64 else { return (.max, 0) }
        let parts = text.split(separator: ".").prefix(2).map { Int($0) ?? 0 }
        return parts.count == 2 ? (parts[0], parts[1]) : (.max, 0)
    }

    /// Another attribute's instance, if it is one of the named class.
    func part(_ value: PickledValue, _ attribute: String, kinds: String...) throws(ModelError) -> PickledEstimator {
        let part = try PickledEstimator(value, in: document, part: "\(kind.name).\(attribute)")
        guard kinds.contains(part.kind.name) else {
            throw unusable(attribute, value, expected: kinds.joined(separator: " or "))
        }
        return part
    }
}
