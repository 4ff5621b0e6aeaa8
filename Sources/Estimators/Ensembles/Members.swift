import Pickle

// The estimators that an ensemble consists of.
extension PickledEstimator {
    /// Reads classifiers in a list.
    func classifiers(
        _ values: [PickledValue], _ attribute: String, with reader: inout ModelReader
    ) throws(ModelError) -> [any Classifier] {
        try members(values, attribute, with: &reader).map { (member) throws(ModelError) in
            guard case .classifier(let classifier) = member else {
                throw unusable(attribute, try required(attribute), expected: "classifiers")
            }
            return classifier
        }
    }

    /// Reads regressors in a list, each of one number.
    func regressors(
        _ values: [PickledValue], _ attribute: String, with reader: inout ModelReader
    ) throws(ModelError) -> [any Regressor] {
        try members(values, attribute, with: &reader).map { (member) throws(ModelError) in
            guard case .regressor(let regressor) = member, regressor.target == .number else {
                throw unusable(attribute, try required(attribute), expected: "regressors of one number")
            }
            return regressor
        }
    }

    /// Reads estimators in a list, of which there is at least one.
    func members(
        _ values: [PickledValue], _ attribute: String, with reader: inout ModelReader
    ) throws(ModelError) -> [Estimator] {
        guard !values.isEmpty else {
            throw unusable(attribute, try required(attribute), expected: "a list of at least one estimator")
        }
        var members: [Estimator] = []
        for value in values { members.append(try reader.part(value, part: "\(kind.name).\(attribute)")) }
        return members
    }

    /// The features that all members take, which are given the same rows as the ensemble.
    func sharedFeatures(_ members: [Features]) throws(ModelError) -> Features {
        let count = try featureCount() ?? members[0].count
        guard members.allSatisfy({ $0.count == count }) else {
            throw disagreement(about: "n_features_in_ and those of the estimators inside")
        }
        let own = try features(count: count, by: "n_features_in_")
        let unusual: Features.Unusual =
            members.contains { $0.unusual == .none }
            ? .none : members.contains { $0.unusual == .missing } ? .missing : .any
        return Features(
            count: count, names: own.names ?? members.compactMap(\.names).first, unusual: unusual,
            texts: members.reduce(into: []) { $0.formUnion($1.texts) })
    }

    /// The features of an ensemble that gives its members plain numbers.
    func ownFeatures(unusual: Features.Unusual) throws(ModelError) -> Features {
        guard let count = try featureCount() else {
            throw .unusable(
                part: "\(kind.name).n_features_in_", found: "no such attribute", expected: "a fitted estimator's",
                offset: offset)
        }
        return try features(count: count, by: "n_features_in_", unusual: unusual)
    }

    /// Weights of the members, from a list or an array of numbers; nil for None.
    ///
    /// `estimators` is a list of names and estimators, of which those that are 'drop' have a weight and no member.
    func weights(count: Int) throws(ModelError) -> [Double]? {
        let value = try required("weights")
        if value == .none { return nil }
        let all: [Double?]
        if let items = document.list(value) ?? document.tuple(value) {
            all = items.map(\.number)
        } else {
            all = try vector("weights")
        }
        let names = try items("estimators")
        guard names.count == all.count else {
            throw unusable("weights", value, expected: "\(names.count) weights")
        }
        var weights: [Double] = []
        for (name, weight) in zip(names, all) {
            guard let pair = document.tuple(name), pair.count == 2, let weight, weight.isFinite else {
                throw unusable("weights", value, expected: "a number for each estimator")
            }
            if pair[1] != .string("drop") && pair[1] != .none { weights.append(weight) }
        }
        guard weights.count == count, weights.reduce(0, +) != 0 else {
            throw unusable("weights", value, expected: "\(count) weights whose sum is not 0")
        }
        return weights
    }

    /// The places of a member's classes among the ensemble's; the member may know them as labels or as places.
    func places(
        of member: any Classifier, among classes: [ClassLabel], encoded: Bool, _ attribute: String
    ) throws(ModelError) -> [Int] {
        var places: [Int] = []
        for label in member.classes {
            let place: Int? =
                if encoded, case .integer(let place) = label {
                    classes.indices.contains(place) ? place : nil
                } else {
                    encoded ? nil : classes.firstIndex(of: label)
                }
            guard let place else {
                throw unusable(
                    attribute, try required(attribute), expected: "classifiers of the \(classes.count) classes")
            }
            places.append(place)
        }
        return places
    }
}

extension Matrix {
    /// Some of the columns, in the given order.
    func selecting(_ columns: [Int]) -> Matrix {
        var selected = Matrix(rows: rows, columns: columns.count)
        for row in 0..<rows {
            for (place, column) in columns.enumerated() { selected[row, place] = self[row, column] }
        }
        return selected
    }

    /// The place of each row's largest number; of several equal ones, the first.
    var indicesOfMaxima: [Int] { (0..<rows).map { row($0).indexOfMaximum } }
}
