/// One node of a tree among a model's, in 16 bytes.
///
/// The two children of a node lie side by side: the left one, where a row's feature is at most the threshold, and behind
/// it the right one.
struct TreeNode: Sendable {
    /// The largest number that goes left. A leaf's number, for trees with one. For a test of categories, the index of the
    /// set of those that go left.
    var number: Double
    /// The index of the left child. A leaf's row in the trees' ``LeafVectors``, for trees with those.
    var child: UInt32
    /// The feature that is tested, and the marks below; a leaf's feature is 0.
    var test: UInt32

    /// A node that ends the walk.
    static let leaf: UInt32 = 1 << 31
    /// A missing value goes left.
    static let missingGoesLeft: UInt32 = 1 << 30
    /// The feature is a category.
    static let categorical: UInt32 = 1 << 29

    private static let featureMask: UInt32 = categorical - 1

    /// More features than any model has; their indices stay clear of the marks.
    static let mostFeatures = Int(featureMask)

    var isLeaf: Bool { test & Self.leaf != 0 }
    var feature: Int { Int(test & Self.featureMask) }

    /// Stands for a node that is written later.
    static let placeholder = TreeNode(number: 0, child: 0, test: leaf)
}
