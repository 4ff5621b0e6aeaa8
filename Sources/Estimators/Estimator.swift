/// A fitted estimator, by what it does.
enum Estimator: Sendable {
    case transformer(any Transformer)
    case classifier(any Classifier)
    case regressor(any Regressor)

    var features: Features {
        switch self {
        case .transformer(let transformer): transformer.features
        case .classifier(let classifier): classifier.features
        case .regressor(let regressor): regressor.features
        }
    }
}

/// An estimator that makes other features out of features: a scaler, an encoder, an imputer.
protocol Transformer: Sendable {
    /// The features that it takes.
    var features: Features { get }

    /// The number of features that it makes.
    var outputCount: Int { get }

    /// A measure of the time that one row takes, in nanoseconds, within a factor of three or so.
    var nanosecondsPerRow: Int { get }

    /// Makes the new features of each row.
    ///
    /// - Throws: `FeatureError` if a row is not one that it takes.
    func transform(_ table: Table) throws(FeatureError) -> Table

    /// The place of the feature that an output is made of; nil if it is made of several.
    func origin(ofOutput place: Int) -> Int?
}

extension Transformer {
    func origin(ofOutput place: Int) -> Int? { nil }
}

/// A transformer that can tell the features from what it made of them.
protocol InvertibleTransformer: Transformer {
    /// Makes the features of each row from as many numbers as `outputCount`.
    ///
    /// - Throws: `FeatureError` if there is no way back from a number.
    func inverted(_ matrix: Matrix) throws(FeatureError) -> Matrix
}

/// An estimator that says which class each row belongs to.
protocol Classifier: Sendable {
    /// The features that it takes.
    var features: Features { get }

    /// The classes in the model's own order; at least one.
    var classes: [ClassLabel] { get }

    /// Whether it knows the probability of each class.
    var hasProbabilities: Bool { get }

    /// A measure of the time that one row takes, in nanoseconds, within a factor of three or so.
    var nanosecondsPerRow: Int { get }

    /// Classifies each row.
    ///
    /// - Parameter probabilities: whether the probabilities are asked for; only if `hasProbabilities`.
    /// - Throws: `FeatureError` if a row is not one that it takes.
    func classify(_ table: Table, probabilities: Bool) throws(FeatureError) -> Classification

    /// How many numbers the library's `decision_function` gives for each row; nil exactly if the library's class has none,
    /// since other estimators of the library prefer it to probabilities.
    ///
    /// It is 1 for two classes, and for more usually their number.
    var decisionCount: Int? { get }

    /// What the library's `decision_function` gives for each row: as many columns as `decisionCount`.
    ///
    /// Called only if `decisionCount` isn't nil.
    ///
    /// - Throws: `FeatureError` if a row is not one that it takes.
    func decisions(_ table: Table) throws(FeatureError) -> Matrix
}

extension Classifier {
    var decisionCount: Int? { nil }

    /// Whether the library's class has a `decision_function`.
    var hasDecisions: Bool { decisionCount != nil }

    func decisions(_ table: Table) throws(FeatureError) -> Matrix {
        preconditionFailure("This classifier has no decisions.")
    }
}

/// An estimator that predicts one or more numbers for each row.
protocol Regressor: Sendable {
    /// The features that it takes.
    var features: Features { get }

    /// The shape of what it predicts.
    var target: RegressionTarget { get }

    /// A measure of the time that one row takes, in nanoseconds, within a factor of three or so.
    var nanosecondsPerRow: Int { get }

    /// Predicts the numbers of each row: a matrix with a row for each, and a column for each number.
    ///
    /// - Throws: `FeatureError` if a row is not one that it takes.
    func predict(_ table: Table) throws(FeatureError) -> Matrix
}

/// The shape of what a regressor predicts for a row. The library keeps apart one number and a list of one.
package enum RegressionTarget: Sendable, Equatable {
    case number
    case numbers(Int)

    package var count: Int {
        switch self {
        case .number: 1
        case .numbers(let count): count
        }
    }
}

/// A classifier's answer.
package struct Classification: Sendable, Equatable {
    /// The index of each row's class among the model's classes.
    package var classIndices: [Int]

    /// Each row's probability of each class in the model's order, if they were asked for.
    package var probabilities: Matrix?

    package init(classIndices: [Int], probabilities: Matrix? = nil) {
        self.classIndices = classIndices
        self.probabilities = probabilities
    }
}
