/// A tree as a file has it: its nodes' properties in arrays of the same length, in an order of the file's own. Nothing of
/// it has been checked.
struct TreeShape {
    /// The indices of each node's children.
    var left: [Int]
    var right: [Int]
    /// Whether a node is a leaf; the other arrays mean nothing then.
    var isLeaf: [Bool]
    /// The index of the tested feature.
    var feature: [Int]
    /// The largest number that goes left.
    var threshold: [Double]
    /// Whether missing values go left, as 0 or 1; nil if no version of the tree's could learn that.
    var missingGoesLeft: [Int]?
    /// The set of the categories that go left, by index, for a node that tests categories, else -1; nil if no node does.
    var categorySet: [Int]?
    /// The number of training samples that passed each node.
    var samples: [Int]

    var count: Int { left.count }

    /// Whether all arrays are of the same length, which is at least 1.
    var isComplete: Bool {
        let lengths = [
            right.count, isLeaf.count, feature.count, threshold.count, missingGoesLeft?.count ?? count,
            categorySet?.count ?? count, samples.count,
        ]
        return count > 0 && lengths.allSatisfy { $0 == count }
    }
}

/// Why an array of nodes is no tree that can be walked.
enum TreeFlaw: Error {
    case incomplete
    case tooLarge
    /// A node with a child that doesn't exist.
    case child(node: Int)
    /// A node that is reached in two ways, or from below.
    case twice(node: Int)
    /// A node that tests a feature that doesn't exist, or one of another kind.
    case feature(node: Int)
    case threshold(node: Int)
    case leaf(node: Int)

    var description: String {
        switch self {
        case .incomplete: "nodes without all their properties"
        case .tooLarge: "more nodes than memory can hold"
        case .child(let node): "node \(node) with a child that doesn't exist"
        case .twice(let node): "node \(node) as the child of two"
        case .feature(let node): "node \(node) with a feature that doesn't exist"
        case .threshold(let node): "node \(node) with a threshold that is no number"
        case .leaf(let node): "the leaf \(node) with a value that is not finite"
        }
    }
}
