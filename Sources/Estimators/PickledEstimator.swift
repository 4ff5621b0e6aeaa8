import Pickle

/// An instance of a scikit-learn class in a pickle: its attributes, read by name and checked.
struct PickledEstimator {
    let document: PickledDocument
    let kind: EstimatorClass
    /// Offset in the file, in bytes, of the opcode that made the instance.
    let offset: Int
    private let attributes: PickledNode.Identifier

    /// - Parameter part: The value's role in the model, for the error.
    init(_ value: PickledValue, in document: PickledDocument, part: String) throws(ModelError) {
        guard case .node(let node) = value, case .instance(let name, let attributes) = document[node],
            let kind = EstimatorClass.byName[name]
        else {
            throw .unusable(
                part: part, found: document.summary(of: value), expected: "an estimator",
                offset: document.offset(of: value))
        }
        guard let attributes else {
            throw .unusable(
                part: part, found: "a \(kind.name) without attributes", expected: "a fitted one",
                offset: document.offset(of: node))
        }
        self.document = document
        self.kind = kind
        self.attributes = attributes
        offset = document.offset(of: node)
    }

    /// The attributes that are not understood, by kind and in the file's order: at most `limit`.
    func opaqueAttributes(limit: Int) -> [String] {
        var found: [String] = []
        for member in document.members(attributes) ?? [] {
            guard found.count < limit else { break }
            guard case .string(let name) = member.key, !Self.understood.contains(name),
                let value = document.opaque(member.value)
            else { continue }
            found.append("\(kind.name) \(quoted(name)) at byte \(document.offset(of: member.value)): \(value)")
        }
        return found
    }

    /// The attributes that are functions and types, which their readers know by name.
    private static let understood: Set<String> = ["dtype", "func", "inverse_func"]

    /// The number of attributes, and of the values in those that are containers or arrays.
    var size: Int {
        (document.members(attributes) ?? []).reduce(0) { $0 + 1 + document.size(of: $1.value) }
    }

    /// The number of attributes.
    var attributeCount: Int { document.members(attributes)?.count ?? 0 }

    /// An attribute, or nil if the instance has none of that name.
    func optional(_ attribute: String) -> PickledValue? {
        document.member(attribute, of: attributes)
    }

    /// An attribute that every fitted estimator has.
    func required(_ attribute: String) throws(ModelError) -> PickledValue {
        guard let value = optional(attribute) else {
            throw .unusable(
                part: "\(kind.name).\(attribute)", found: "no such attribute", expected: "a fitted estimator's",
                offset: offset)
        }
        return value
    }

    /// A Boolean; `missing` if there is no such attribute.
    func boolean(_ attribute: String, missing: Bool) throws(ModelError) -> Bool {
        guard let value = optional(attribute) else { return missing }
        guard case .boolean(let boolean) = value else {
            throw unusable(attribute, value, expected: "True or False")
        }
        return boolean
    }

    /// An array of finite numbers, with its shape.
    func numbers(_ attribute: String) throws(ModelError) -> (shape: [Int], elements: [Double]) {
        let value = try required(attribute)
        guard case .node(let node) = value, case .array(let array) = document[node] else {
            throw unusable(attribute, value, expected: "an array of numbers")
        }
        let elements: [Double]
        switch array.elements {
        case .floats(let floats): elements = floats
        case .integers(let integers): elements = integers.map(Double.init)
        case .booleans, .strings, .objects: throw unusable(attribute, value, expected: "an array of numbers")
        }
        guard elements.allSatisfy(\.isFinite) else {
            throw .unusable(
                part: "\(kind.name).\(attribute)", found: "an array with NaN or infinity",
                expected: "finite numbers", offset: document.offset(of: node))
        }
        return (array.shape, elements)
    }

    /// A one-dimensional array of finite numbers.
    func vector(_ attribute: String) throws(ModelError) -> [Double] {
        let (shape, elements) = try numbers(attribute)
        guard shape.count == 1 else {
            throw unusable(attribute, try required(attribute), expected: "an array of one dimension")
        }
        return elements
    }

    /// An error about an attribute.
    func unusable(_ attribute: String, _ found: PickledValue, expected: String) -> ModelError {
        .unusable(
            part: "\(kind.name).\(attribute)", found: document.summary(of: found), expected: expected,
            offset: found.isNode ? document.offset(of: found) : offset)
    }
}

extension PickledValue {
    fileprivate var isNode: Bool {
        if case .node = self { true } else { false }
    }

    /// The value as a number, if it is one.
    var number: Double? {
        switch self {
        case .integer(let integer): Double(integer)
        case .float(let number): number
        default: nil
        }
    }
}

// MARK: - Shared checks

extension PickledEstimator {
    /// The features that the estimator was fitted with.
    ///
    /// - Parameters:
    ///   - count: their number, as the estimator's coefficients imply it.
    ///   - attributes: the attributes that imply it, for the error.
    func features(
        count: Int, by attributes: String, unusual: Features.Unusual = .none, texts: Set<Int> = [],
        examples: [Int: Features.Example] = [:], optional: Set<Int> = []
    ) throws(ModelError) -> Features {
        guard [try featureCount()].allAgree(on: count) else {
            throw disagreement(about: "\(attributes) and n_features_in_")
        }
        return Features(
            count: count, names: try featureNames(count: count), unusual: unusual, texts: texts, examples: examples,
            optional: optional)
    }

    /// The names of the columns of the data frame that the estimator was fitted with; nil if it was an array.
    private func featureNames(count: Int) throws(ModelError) -> [String]? {
        guard let value = optional("feature_names_in_") else { return nil }
        guard case .node(let node) = value, case .array(let array) = document[node], array.shape == [count] else {
            throw unusable("feature_names_in_", value, expected: "an array of \(count) names")
        }
        switch array.elements {
        case .strings(let names): return names
        case .objects(let names):
            return try names.map { (name) throws(ModelError) in
                guard case .string(let text) = name else {
                    throw unusable("feature_names_in_", name, expected: "a name")
                }
                return text
            }
        case .booleans, .integers, .floats: throw unusable("feature_names_in_", value, expected: "an array of names")
        }
    }

    /// The number of features that the estimator was fitted with; nil before scikit-learn 0.24, which did not store it.
    func featureCount() throws(ModelError) -> Int? {
        guard let value = optional("n_features_in_") else { return nil }
        guard case .integer(let count) = value, (1...Self.mostFeatures).contains(count) else {
            throw unusable("n_features_in_", value, expected: "a number of features, at most \(Self.mostFeatures)")
        }
        return count
    }

    /// More than any model has. Some steps have nothing else in the file that would limit their number.
    private static let mostFeatures = 1 << 22

    /// An error about attributes that imply different numbers of features.
    func disagreement(about attributes: String) -> ModelError {
        .unusable(
            part: kind.name, found: "different numbers of features in \(attributes)", expected: "one number",
            offset: offset)
    }

    /// The classes of a classifier, in its own order.
    func classes(_ attribute: String = "classes_") throws(ModelError) -> [ClassLabel] {
        try classes(try required(attribute), of: attribute)
    }

    /// The classes in a value that was found in an attribute or in a part of it.
    func classes(_ value: PickledValue, of attribute: String) throws(ModelError) -> [ClassLabel] {
        guard case .node(let node) = value, case .array(let array) = document[node], array.shape.count == 1 else {
            throw unusable(attribute, value, expected: "an array of class labels")
        }
        switch array.elements {
        case .booleans(let labels): return labels.map(ClassLabel.boolean)
        case .integers(let labels): return labels.map(ClassLabel.integer)
        case .floats(let labels): return labels.map(ClassLabel.float)
        case .strings(let labels): return labels.map(ClassLabel.string)
        case .objects(let labels):
            var classes: [ClassLabel] = []
            for label in labels {
                switch label {
                case .string(let string): classes.append(.string(string))
                case .integer(let integer): classes.append(.integer(integer))
                case .float(let number): classes.append(.float(number))
                case .boolean(let boolean): classes.append(.boolean(boolean))
                default: throw unusable(attribute, label, expected: "a string or a number as class label")
                }
            }
            return classes
        }
    }
}

extension Array where Element == Int? {
    /// Whether every number that is present equals `count`, and `count` is at least 1.
    func allAgree(on count: Int) -> Bool {
        count > 0 && allSatisfy { $0 == nil || $0 == count }
    }
}
