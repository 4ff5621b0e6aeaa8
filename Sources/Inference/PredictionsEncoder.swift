import Estimators
import JSONText

extension ServedModel {
    /// The answer to a prediction request in KServe's V1 form, with the probabilities and the version added:
    /// `{"predictions": ["setosa"], "probabilities": [[0.9, 0.1, 0]], "classes": […], "model_version": "v1.0.0"}`.
    package func encode(_ predictions: [Prediction]) -> [UInt8] {
        // A probability takes at most 24 characters.
        var writer = JSONWriter(capacity: 128 + predictions.count * (16 + 24 * labels.count))
        writer.object {
            $0.member("predictions") { writer in
                writer.array {
                    for prediction in predictions { $0.value(model.classes[prediction.classIndex]) }
                }
            }
            $0.member("probabilities") { writer in
                writer.array { writer in
                    for prediction in predictions {
                        writer.array { for probability in prediction.probabilities { $0.value(probability) } }
                    }
                }
            }
            $0.member("classes") { writer in
                writer.array { for label in model.classes { $0.value(label) } }
            }
            $0.member("model_version", version)
        }
        return writer.finish()
    }
}

extension JSONWriter {
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
