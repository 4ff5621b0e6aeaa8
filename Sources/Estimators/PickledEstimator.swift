import Pickle

/// An instance of a scikit-learn class in a pickle: its attributes, read by name and checked.
struct PickledEstimator {
    let document: PickledDocument
    let kind: EstimatorKind
    /// Offset in the file, in bytes, of the opcode that made the instance.
    let offset: Int
    private let attributes: PickledNode.Identifier

    /// - Parameter part: The value's role in the model, for the error.
    init(_ value: PickledValue, in document: PickledDocument, part: String) throws(ModelError) {
        guard case .node(let node) = value, case .instance(let name, let attributes) = document[node],
            let kind = EstimatorKind(name)
        else {
            throw .unusable(
                part: part, found: document.summary(of: value), expected: "an estimator",
                offset: document.offset(of: value))
        }
        guard let attributes else {
            throw .unusable(
                part: part, found: "a \(kind.rawValue) without attributes", expected: "a fitted one",
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
            guard case .string(let name) = member.key, let value = document.opaque(member.value) else { continue }
            found.append("\(kind.rawValue) \(quoted(name)) at byte \(document.offset(of: member.value)): \(value)")
        }
        return found
    }

    /// An attribute, or nil if the instance has none of that name.
    func optional(_ attribute: String) -> PickledValue? {
        document.member(attribute, of: attributes)
    }

    /// An attribute that every fitted estimator has.
    func required(_ attribute: String) throws(ModelError) -> PickledValue {
        guard let value = optional(attribute) else {
            throw .unusable(
                part: "\(kind.rawValue).\(attribute)", found: "no such attribute", expected: "a fitted estimator's",
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
                part: "\(kind.rawValue).\(attribute)", found: "an array with NaN or infinity",
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
            part: "\(kind.rawValue).\(attribute)", found: document.summary(of: found), expected: expected,
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

/// The scikit-learn classes that a model may consist of.
enum EstimatorKind: String, CaseIterable {
    case logisticRegression = "LogisticRegression"
    case standardScaler = "StandardScaler"
    case minMaxScaler = "MinMaxScaler"
    case pipeline = "Pipeline"

    /// The modules that contain the class: first the one since scikit-learn 0.22, last the one before it.
    private var modules: [String] {
        switch self {
        case .logisticRegression: ["sklearn.linear_model._logistic", "sklearn.linear_model.logistic"]
        case .standardScaler, .minMaxScaler: ["sklearn.preprocessing._data", "sklearn.preprocessing.data"]
        case .pipeline: ["sklearn.pipeline"]
        }
    }

    private var names: [PythonName] { modules.map { PythonName(module: $0, name: rawValue) } }

    init?(_ name: PythonName) {
        guard let kind = Self.allCases.first(where: { $0.names.contains(name) }) else { return nil }
        self = kind
    }

    /// The names of all classes, for the pickle reader.
    static let allNames = Set(allCases.flatMap(\.names))
}
