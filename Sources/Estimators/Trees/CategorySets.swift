/// The categories that nodes send to the left, and those that the model knows at all, in sets of 256 bits each.
///
/// Source: scikit-learn's `sklearn/ensemble/_hist_gradient_boosting/_predictor.pyx`, `_predict_one_from_raw_data`.
struct CategorySets: Sendable {
    /// Eight words for each set of categories that go left.
    var goingLeft: [UInt32] = []
    /// Eight words for each feature; empty ones for features that are numbers.
    private let known: [UInt32]
    /// Whether each feature is a category.
    private let features: [Bool]
    /// Whether a negative number is a missing value; else it wraps around like others that are no category.
    private let negativeIsMissing: Bool

    init(known: [UInt32], features: [Bool], negativeIsMissing: Bool) {
        self.known = known
        self.features = features
        self.negativeIsMissing = negativeIsMissing
    }

    /// Whether a feature exists and is a category.
    func hasKnown(_ feature: Int) -> Bool { features.indices.contains(feature) && features[feature] }

    static let wordsPerSet = 8

    /// The number of sets of categories that go left.
    var count: Int { goingLeft.count / Self.wordsPerSet }

    /// Whether a value that is not missing goes left at a node that tests categories.
    ///
    /// The node's set and feature are ones that exist.
    func goesLeft(_ value: Double, _ node: TreeNode) -> Bool {
        let missing = node.test & TreeNode.missingGoesLeft != 0
        if negativeIsMissing && value < 0 { return missing }
        let category = Self.category(value)
        if Self.contains(category, goingLeft, Int(node.number)) { return true }
        if Self.contains(category, known, node.feature) { return false }
        return missing
    }

    /// The conversion of C from `double` to `unsigned char` as x86 does it: over a 32-bit integer, of which the lowest 8
    /// bits are kept; what doesn't fit into it becomes -2^31.
    private static func category(_ value: Double) -> Int {
        guard value > -2_147_483_649, value < 2_147_483_648 else { return 0 }
        return Int(value) & 255
    }

    private static func contains(_ category: Int, _ sets: [UInt32], _ index: Int) -> Bool {
        sets[index * wordsPerSet + category / 32] >> UInt32(category % 32) & 1 != 0
    }
}
