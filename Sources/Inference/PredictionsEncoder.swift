import Estimators
import JSONText

extension ServedModel {
    /// The answer to a prediction request in KServe's V1 form. For a classifier the probabilities, classes and the
    /// version are added:
    /// `{"predictions": ["setosa"], "probabilities": [[0.9, 0.1, 0]], "classes": […], "model_version": "v1.0.0"}`;
    /// a regressor's predictions are numbers, or lists of them.
    package func encode(_ answer: Model.Answer) -> [UInt8] {
        switch (model.task, answer) {
        case (.classification(let classes, _), .classification(let classification)):
            encode(classification, classes)
        case (.regression(let target), .regression(let numbers)):
            encode(numbers, target)
        default: preconditionFailure("a model answers by its task")
        }
    }

    private func encode(_ classification: Classification, _ classes: [ClassLabel]) -> [UInt8] {
        // A probability takes at most 24 characters.
        var writer = JSONWriter(capacity: 128 + classification.classIndices.count * (16 + 24 * classes.count))
        writer.object {
            $0.member("predictions") { writer in
                writer.array {
                    for index in classification.classIndices { $0.value(classes[index]) }
                }
            }
            if let probabilities = classification.probabilities {
                $0.member("probabilities") { writer in writer.rows(probabilities) }
            }
            $0.member("classes") { writer in
                writer.array { for label in classes { $0.value(label) } }
            }
            $0.member("model_version", version)
        }
        return writer.finish()
    }

    private func encode(_ numbers: Matrix, _ target: RegressionTarget) -> [UInt8] {
        var writer = JSONWriter(capacity: 64 + 24 * numbers.values.count)
        writer.object {
            $0.member("predictions") { writer in
                switch target {
                case .number: writer.array { for number in numbers.values { $0.value(number) } }
                case .numbers: writer.rows(numbers)
                }
            }
            $0.member("model_version", version)
        }
        return writer.finish()
    }
}

extension JSONWriter {
    /// Writes a matrix as an array of arrays.
    fileprivate mutating func rows(_ matrix: Matrix) {
        array { writer in
            for row in 0..<matrix.rows {
                writer.array { for number in matrix.row(row) { $0.value(number) } }
            }
        }
    }

    /// Writes a class label with the type that it has in Python.
    fileprivate mutating func value(_ label: ClassLabel) {
        switch label {
        case .string(let string): value(string)
        case .integer(let integer): value(integer)
        case .float(let number): value(number)
        case .boolean(let boolean): value(boolean)
        }
    }
}
