import Estimators
import Foundation
import Inference
import OpenInference
import PredictionAPI

/// Models for the tests, and the protocol in front of them.
enum TestModels {
    static let fixtures = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures")

    static func bytes(_ name: String) -> [UInt8] {
        [UInt8](try! Data(contentsOf: fixtures.appending(path: name)))
    }

    /// A classifier that scikit-learn has written.
    static func pickled(_ name: String, version: String = "v7") -> ServedModel {
        ServedModel(try! Model(file: bytes("\(name).pkl")), version: version, sha256: "")
    }

    /// A regressor whose numbers are sums of the features: of all, of all but the first, and so on.
    static func sums(features: Features, target: RegressionTarget = .number) -> Model {
        Model(task: .regression(target), features: features) { table, _ throws(FeatureError) in
            guard case .matrix(let matrix) = table.content else {
                throw .row(0, .text(Feature(index: 0)))
            }
            guard matrix.columns == features.count else {
                throw .row(0, .count(found: matrix.columns, expected: features.count))
            }
            if let place = matrix.values.firstIndex(where: \.isNaN), features.unusual == .none {
                let feature = Feature(index: place % matrix.columns)
                throw .row(place / matrix.columns, .notFinite(feature, value: .nan))
            }
            var answer = Matrix(rows: matrix.rows, columns: target.count)
            for row in 0..<matrix.rows {
                for column in 0..<target.count { answer[row, column] = matrix.row(row).dropFirst(column).reduce(0, +) }
            }
            return .regression(answer)
        }
    }

    /// What a model was asked, told back: as many rows, the class "A", and the table's numbers and texts in a message.
    static func echo(features: Features, _ note: @escaping @Sendable (Table) -> Void) -> Model {
        Model(
            task: .classification(classes: [.string("A"), .string("B")], hasProbabilities: false), features: features
        ) { table, _ throws(FeatureError) in
            note(table)
            return .classification(Classification(classIndices: Array(repeating: 0, count: table.rows)))
        }
    }

    static func serving(_ models: [String: ServedModel]) -> OpenInference {
        let entries = models.sorted { $0.key < $1.key }.map {
            ModelRepository.Entry(name: $0.key, versions: [$0.value])
        }
        return OpenInference(.serving(ModelRepository(entries)), server: .init(version: "1.2.3"))
    }

    static func serving(_ model: Model, version: String = "v7") -> OpenInference {
        serving(["model": ServedModel(model, version: version, sha256: "")])
    }
}

extension Inference_ModelInferRequest {
    /// A request with raw contents of FP64.
    static func doubles(_ values: [Double], shape: [Int64], model: String = "model") -> Inference_ModelInferRequest {
        .raw([("x", "FP64", shape, littleEndian(values.map(\.bitPattern)))], model: model)
    }

    /// A request with raw contents.
    static func raw(
        _ inputs: [(name: String, datatype: String, shape: [Int64], bytes: [UInt8])], model: String = "model"
    ) -> Inference_ModelInferRequest {
        var request = Inference_ModelInferRequest()
        request.modelName = model
        for input in inputs {
            request.inputs.append(tensor(input.name, input.datatype, input.shape))
            request.rawInputContents.append(Data(input.bytes))
        }
        return request
    }

    /// A request with contents of a type.
    static func typed(
        _ name: String, _ datatype: String, _ shape: [Int64], model: String = "model",
        _ contents: (inout Inference_InferTensorContents) -> Void
    ) -> Inference_ModelInferRequest {
        var request = Inference_ModelInferRequest()
        request.modelName = model
        var tensor = tensor(name, datatype, shape)
        contents(&tensor.contents)
        request.inputs = [tensor]
        return request
    }

    static func tensor(_ name: String, _ datatype: String, _ shape: [Int64]) -> InferInputTensor {
        var tensor = InferInputTensor()
        tensor.name = name
        tensor.datatype = datatype
        tensor.shape = shape
        return tensor
    }

    /// Asks for outputs.
    func asking(for outputs: String...) -> Inference_ModelInferRequest {
        var request = self
        request.outputs = outputs.map { name in
            var output = InferRequestedOutputTensor()
            output.name = name
            return output
        }
        return request
    }
}

extension Inference_InferParameter {
    static func string(_ value: String) -> Inference_InferParameter {
        var parameter = Inference_InferParameter()
        parameter.stringParam = value
        return parameter
    }
}

/// Integers as bytes, the lowest first.
func littleEndian<Integer: FixedWidthInteger>(_ integers: [Integer]) -> [UInt8] {
    integers.flatMap { integer in
        stride(from: 0, to: Integer.bitWidth, by: 8).map { UInt8(truncatingIfNeeded: integer >> Integer($0)) }
    }
}

/// Doubles as raw contents.
func littleEndian(_ doubles: [Double]) -> [UInt8] { littleEndian(doubles.map(\.bitPattern)) }
