import Pickle

// Attributes of the kinds that trees and ensembles have.
extension PickledEstimator {
    /// A whole number of at least `least`.
    func wholeNumber(_ attribute: String, atLeast least: Int = 0) throws(ModelError) -> Int {
        let value = try required(attribute)
        guard case .integer(let number) = value, number >= least else {
            throw unusable(attribute, value, expected: "a whole number of at least \(least)")
        }
        return number
    }

    /// A finite number.
    func finiteNumber(_ attribute: String) throws(ModelError) -> Double {
        let value = try required(attribute)
        guard let number = value.number, number.isFinite else {
            throw unusable(attribute, value, expected: "a finite number")
        }
        return number
    }

    /// The items of a list, a tuple or a one-dimensional array of objects.
    func items(_ attribute: String) throws(ModelError) -> [PickledValue] {
        let value = try required(attribute)
        if let items = document.list(value) ?? document.tuple(value) { return items }
        guard case .node(let node) = value, case .array(let array) = document[node], array.shape.count == 1,
            case .objects(let items) = array.elements
        else { throw unusable(attribute, value, expected: "a list") }
        return items
    }

    /// A list of at least one fitted estimator of one of these classes.
    ///
    /// - Parameter classes: the names without their modules.
    func estimators(_ attribute: String, of classes: Set<String>) throws(ModelError) -> [PickledEstimator] {
        let items = try items(attribute)
        guard !items.isEmpty else {
            throw unusable(attribute, try required(attribute), expected: "a list of at least one estimator")
        }
        return try items.map { (item) throws(ModelError) in
            try part(item, attribute, of: classes)
        }
    }

    /// A value inside an attribute, as a fitted estimator of one of these classes.
    func part(
        _ value: PickledValue, _ attribute: String, of classes: Set<String>
    ) throws(ModelError) -> PickledEstimator {
        let part = try PickledEstimator(value, in: document, part: "\(kind.name).\(attribute)")
        guard classes.contains(part.kind.name) else {
            throw unusable(attribute, value, expected: classes.sorted().joined(separator: " or "))
        }
        return part
    }

    /// An instance of a class that is no estimator: its attributes, and what its class was called with.
    ///
    /// - Parameter owner: the attribute that holds it, for the error.
    func instance(
        _ value: PickledValue, of name: String, owner: String
    ) throws(ModelError) -> (attributes: PickledNode.Identifier, arguments: [PickledValue]) {
        guard case .node(let node) = value, case .instance(let found, let attributes?) = document[node],
            found.name == name
        else { throw unusable(owner, value, expected: "a \(name) with its content") }
        return (attributes, document.arguments(of: node))
    }
}
