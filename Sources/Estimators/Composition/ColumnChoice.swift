import Pickle

/// How a column transformer was told which columns are a transformer's.
///
/// Source: scikit-learn, `utils/__init__.py`, `_get_column_indices`.
struct ColumnChoice {
    /// The columns' names, if there are any.
    let names: [String]?
    /// The number of columns.
    let count: Int

    /// The places of the columns that a name, a place, a list of either, a slice or a mask means.
    func places(_ value: PickledValue, _ estimator: PickledEstimator) throws(ModelError) -> [Int] {
        let document = estimator.document
        if let slice = document.slice(value) { return try places(from: slice, estimator) }
        if let array = document.array(value), array.shape.count == 1 {
            switch array.elements {
            case .booleans(let mask): return try places(mask: mask.map(PickledValue.boolean), estimator)
            case .integers(let integers): return try places(integers.map(PickledValue.integer), estimator)
            case .strings(let strings): return try places(strings.map(PickledValue.string), estimator)
            case .objects(let objects): return try places(objects, estimator)
            case .floats(let numbers) where numbers.isEmpty: return []
            case .floats: throw unusable(value, estimator)
            }
        }
        return try places(document.list(value) ?? document.tuple(value) ?? [value], estimator)
    }

    private func places(_ items: [PickledValue], _ estimator: PickledEstimator) throws(ModelError) -> [Int] {
        if case .boolean? = items.first { return try places(mask: items, estimator) }
        var places: [Int] = []
        for item in items { places.append(try place(item, estimator)) }
        return places
    }

    private func places(mask: [PickledValue], _ estimator: PickledEstimator) throws(ModelError) -> [Int] {
        guard mask.count == count else { throw unusable(mask.first ?? .none, estimator) }
        return mask.indices.filter { mask[$0] == .boolean(true) }
    }

    /// A slice of names includes its end, one of places doesn't.
    private func places(
        from slice: (start: PickledValue, stop: PickledValue, step: PickledValue), _ estimator: PickledEstimator
    ) throws(ModelError) -> [Int] {
        var step = 1
        if case .integer(let stated) = slice.step { step = stated }
        guard (1...max(count, 1)).contains(step) else { throw unusable(slice.step, estimator) }
        let start = slice.start == .none ? 0 : try bound(slice.start, estimator)
        var stop = slice.stop == .none ? count : try bound(slice.stop, estimator)
        if case .string = slice.stop { stop += 1 }
        return start < stop ? Array(stride(from: start, to: stop, by: step)) : []
    }

    private func bound(_ value: PickledValue, _ estimator: PickledEstimator) throws(ModelError) -> Int {
        guard case .integer(let place) = value else { return try self.place(value, estimator) }
        return place < 0 ? max(0, count + max(place, -count)) : min(place, count)
    }

    private func place(_ value: PickledValue, _ estimator: PickledEstimator) throws(ModelError) -> Int {
        switch value {
        case .integer(let place) where (-count..<count).contains(place): return place < 0 ? place + count : place
        case .string(let name): if let place = names?.firstIndex(of: name) { return place }
        default: break
        }
        throw unusable(value, estimator)
    }

    private func unusable(_ value: PickledValue, _ estimator: PickledEstimator) -> ModelError {
        estimator.unusable("transformers_", value, expected: "a column's name or place, a slice or a mask")
    }
}

extension PickledEstimator {
    /// The names of the columns that a column transformer was fitted with. Before scikit-learn 1.0, they had other
    /// names themselves.
    func columnNames(count: Int) throws(ModelError) -> [String]? {
        for attribute in ["feature_names_in_", "_feature_names_in", "_df_columns"] {
            guard let value = optional(attribute), value != .none, let array = document.array(value) else { continue }
            guard array.shape == [count] else {
                throw unusable(attribute, value, expected: "an array of \(count) names")
            }
            switch array.elements {
            case .strings(let names): return names
            case .objects(let objects):
                var names: [String] = []
                for object in objects {
                    guard case .string(let name) = object else {
                        throw unusable(attribute, object, expected: "a name")
                    }
                    names.append(name)
                }
                return names
            case .booleans, .integers, .floats:
                // Columns may have had numbers for names.
                if attribute != "feature_names_in_" { return nil }
                throw unusable(attribute, value, expected: "an array of names")
            }
        }
        return nil
    }
}
