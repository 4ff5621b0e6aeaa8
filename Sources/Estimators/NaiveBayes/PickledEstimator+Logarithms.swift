import Pickle

extension PickledEstimator {
    /// A one-dimensional array of logarithms of probabilities: -infinity for what never happens.
    func logarithms(_ attribute: String, count: Int) throws(ModelError) -> [Double] {
        let value = try required(attribute)
        guard case .node(let node) = value, case .array(let array) = document[node], array.shape == [count],
            case .floats(let elements) = array.elements, elements.allSatisfy({ $0 < .infinity })
        else { throw unusable(attribute, value, expected: "an array of \(count) logarithms") }
        return elements
    }
}
