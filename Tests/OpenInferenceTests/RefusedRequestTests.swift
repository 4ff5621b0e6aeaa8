import Estimators
import Foundation
import Inference
import OpenInference
import PredictionAPI
import Testing

@Suite("Requests that ModelInfer refuses")
struct RefusedRequestTests {
    private static let sums = TestModels.serving(TestModels.sums(features: Features(count: 2), target: .numbers(2)))
    private static let classifier = TestModels.serving(["model": TestModels.pickled("strings")])

    private func failure(
        _ request: Inference_ModelInferRequest, of models: OpenInference = sums
    ) -> InferenceFailure? {
        #expect(throws: InferenceFailure.self) { try models.modelInfer(request) }
    }

    /// The message of a request that the caller has to correct.
    private func message(_ request: Inference_ModelInferRequest, of models: OpenInference = sums) -> String {
        guard case .invalidArgument(let message)? = failure(request, of: models) else { return "another failure" }
        return message
    }

    @Test("No model, no version, nothing loaded yet")
    func models() {
        let request = Inference_ModelInferRequest.doubles([1, 2], shape: [1, 2], model: "other")
        #expect(failure(request) == .notFound("there is no model 'other', only 'model'"))
        var versioned = Inference_ModelInferRequest.doubles([1, 2], shape: [1, 2])
        versioned.modelVersion = "1"
        #expect(failure(versioned) == .notFound("the model 'model' has no version '1', only 'v7'"))
        let loading = OpenInference(.loading, server: .init(version: "1"))
        #expect(failure(request, of: loading) == .unavailable("the model is still being loaded"))
        #expect(failure(request, of: OpenInference(.stopping(nil), server: .init(version: "1")))?.httpStatus == 503)
    }

    @Test(
        "Shapes that the model doesn't take",
        arguments: [
            ([], "shape []"), ([2], "shape [2]"), ([1, 3], "shape [1, 3]"), ([1, 2, 1], "shape [1, 2, 1]"),
            ([-1, 2], "shape [-1, 2]"), ([1, -2], "shape [1, -2]"), ([0, 2], "no rows"), ([1, 0], "shape [1, 0]"),
            ([Int64.max, 2], "shape [9223372036854775807, 2]"), ([Int64.min, 2], "shape"),
            ([2, 2], "16 bytes where its shape says 4 elements of 8"),
            ([4_000_000_000_000_000_000, 2], "16 bytes where"),
            (Array(repeating: 1, count: 1000), "…"),
        ] as [([Int64], String)])
    func shapes(shape: [Int64], reason: String) {
        let text = message(.doubles([1, 2], shape: shape))
        #expect(text.hasPrefix("tensor 'x'") && text.contains(reason) && text.utf8.count < 300, "\(text)")
    }

    @Test("Columns of other shapes, different lengths, or twice by one name")
    func columnShapes() {
        func columns(_ a: [Int64], _ b: [Int64], name: String = "b") -> Inference_ModelInferRequest {
            .raw([
                ("a", "INT8", a, [UInt8](repeating: 1, count: 2)), (name, "INT8", b, [UInt8](repeating: 1, count: 2)),
            ])
        }
        #expect(message(columns([1, 2], [2])).contains("tensor 'a' has the shape [1, 2]"))
        #expect(message(columns([2], [2, 1, 1])).contains("tensor 'b' has the shape [2, 1, 1]"))
        #expect(message(columns([2], [3])) == "tensor 'b': 3 rows, but 'a' has 2")
        #expect(message(columns([2], [2], name: "a")) == "there are several tensors 'a'")
        var request = columns([2], [2])
        request.parameters["content_type"] = .string("np")
        #expect(message(request) == "the content_type 'np' is for a single input, but there are 2")
    }

    @Test("Contents that don't fit the datatype and shape")
    func contents() {
        func typed(
            _ datatype: String, _ fill: (inout Inference_InferTensorContents) -> Void
        ) -> String { message(.typed("x", datatype, [1, 2], fill)) }
        #expect(typed("FP64") { $0.fp64Contents = [1] } == "tensor 'x': 1 element where its shape says 2")
        #expect(typed("FP64") { $0.fp64Contents = [1, 2, 3] } == "tensor 'x': 3 elements where its shape says 2")
        #expect(typed("FP64") { _ in } == "tensor 'x': 0 elements where its shape says 2")
        #expect(
            typed("FP64") { $0.fp32Contents = [1, 2] }
                == "tensor 'x': FP64, but it has elements in another field than fp64_contents")
        #expect(
            typed("FP64") {
                $0.fp64Contents = [1, 2]
                $0.boolContents = [true]
            } == "tensor 'x': FP64, but it has elements in another field than fp64_contents")
        #expect(typed("INT8") { $0.intContents = [1, 128] } == "tensor 'x': row 0, column 1 is 128, beyond INT8")
        #expect(
            typed("INT16") { $0.intContents = [-32769, 1] } == "tensor 'x': row 0, column 0 is -32769, beyond INT16")
        #expect(typed("UINT8") { $0.uintContents = [256, 1] } == "tensor 'x': row 0, column 0 is 256, beyond UINT8")
        #expect(
            typed("UINT16") { $0.uintContents = [0, 65536] } == "tensor 'x': row 0, column 1 is 65536, beyond UINT16")
        #expect(typed("FP16") { $0.fp32Contents = [1, 2] }.contains("raw_input_contents"))
        #expect(
            typed("BYTES") { $0.bytesContents = [Data([0xFF]), Data()] }.contains("row 0, column 0 is not valid UTF-8"))
        #expect(typed("fp64") { $0.fp64Contents = [1, 2] }.contains("the datatype 'fp64' is none of"))
        #expect(typed("") { $0.fp64Contents = [1, 2] }.contains("the datatype '' is none of"))
    }

    @Test("Raw contents that don't fit, and what is both raw and typed")
    func rawContents() {
        var request = Inference_ModelInferRequest.doubles([1, 2], shape: [1, 2])
        request.rawInputContents = [Data(count: 15)]
        #expect(message(request) == "tensor 'x': 15 bytes where its shape says 2 elements of 8")
        request.rawInputContents = [Data()]
        #expect(message(request) == "tensor 'x': 0 bytes where its shape says 2 elements of 8")
        request.rawInputContents = [Data(), Data()]
        #expect(message(request) == "2 raw_input_contents, but 1 inputs")
        request.rawInputContents = [Data(count: 16)]
        request.inputs[0].contents.fp64Contents = [1, 2]
        #expect(message(request) == "tensor 'x': it has contents, but the request has raw_input_contents")
        #expect(
            message(.raw([("x", "BOOL", [1, 2], [1, 2])]))
                == "tensor 'x': row 0, column 1 is the byte 2, but a BOOL is 0 or 1")
        #expect(message(.raw([])) == "the request has no inputs")
    }

    @Test(
        "Framing of BYTES",
        arguments: [
            ([], "0 elements where its shape says 2"), ([0, 0, 0], "row 0, column 0 ends within the four bytes"),
            ([0, 0, 0, 0], "1 element where its shape says 2"), ([0, 0, 0, 0, 1], "row 0, column 1 ends within"),
            ([2, 0, 0, 0, 0x61], "row 0, column 0 has 2 bytes, of which 1 are there"),
            ([0xFF, 0xFF, 0xFF, 0xFF], "row 0, column 0 has 4294967295 bytes, of which 0 are there"),
            ([1, 0, 0, 0, 0xFF, 0, 0, 0, 0], "row 0, column 0 is not valid UTF-8"),
            ([UInt8](repeating: 0, count: 12), "more than the 2 elements of its shape"),
        ] as [([UInt8], String)])
    func framing(bytes: [UInt8], reason: String) {
        let text = message(.raw([("x", "BYTES", [1, 2], bytes)]))
        #expect(text.hasPrefix("tensor 'x': \(reason)"), "\(text)")
    }

    @Test("Outputs that there aren't")
    func unknownOutputs() {
        let request = Inference_ModelInferRequest.doubles([1, 2], shape: [1, 2])
        #expect(message(request.asking(for: "transform")) == "there is no output 'transform', only 'predict'")
        #expect(
            message(request.asking(for: "predict_proba"))
                == "the model has no output 'predict_proba': it knows no probabilities")
        #expect(message(request.asking(for: "predict", "predict")) == "the output 'predict' is asked for twice")
        let rows = Inference_ModelInferRequest.doubles([1, 2, 3, 4], shape: [1, 4])
        #expect(
            message(rows.asking(for: "x"), of: Self.classifier)
                == "there is no output 'x', only 'predict' and 'predict_proba'")
        var typed = rows.asking(for: "predict_proba")
        typed.outputs[0].parameters["content_type"] = .string("str")
        #expect(
            message(typed, of: Self.classifier)
                == "output 'predict_proba': the content_type 'str' is not one that it has")
    }

    @Test("Parameters that ask for what isn't served, or are of another type")
    func unservedParameters() {
        var request = Inference_ModelInferRequest.doubles([1, 2], shape: [1, 2]).asking(for: "predict")
        request.outputs[0].parameters["classification"] = .string("2")
        #expect(
            message(request)
                == "output 'predict': the parameter 'classification': classes instead of tensors are not served")
        request.outputs = []
        request.inputs[0].parameters["shared_memory_region"] = .string("x")
        #expect(message(request) == "input 0: the parameter 'shared_memory_region': shared memory is not served")
        request.inputs[0].parameters = ["content_type": .string("base64")]
        #expect(message(request) == "input 0: the content_type 'base64' is none of 'np', 'pd' and 'str'")
        request.inputs[0].parameters = [:]
        request.parameters["content_type"] = Inference_InferParameter()
        #expect(message(request) == "the request: the parameter 'content_type' is not a string")
    }

    @Test("A list of texts that are none")
    func listOfNumbers() {
        var request = Inference_ModelInferRequest.raw([("x", "INT8", [1], [1])])
        request.parameters["content_type"] = .string("str")
        let models = TestModels.serving(TestModels.sums(features: Features(count: 1)))
        #expect(message(request, of: models) == "tensor 'x': the content_type 'str' is for BYTES, not for INT8")
    }

    @Test("What the model itself refuses")
    func refusedRows() {
        #expect(
            message(.doubles([1, 2, 3, .nan], shape: [2, 2]))
                == "tensor 'x': row 1: feature 1 is NaN, not a finite number")
        let named = TestModels.serving(["model": TestModels.pickled("named")])
        let columns = ["a", "b", "x", "d"].map { (name: $0, datatype: "INT8", shape: [Int64(1)], bytes: [UInt8(1)]) }
        #expect(message(.raw(columns), of: named) == "the column 'c' is missing")
    }

    @Test("An answer that would be too large")
    func tooManyRows() throws {
        let repository = ModelRepository(TestModels.pickled("integers"))
        let models = OpenInference(.serving(repository), server: .init(version: "1"), largestAnswer: 48)
        let rows: [Double] = Array(repeating: 1, count: 12)
        #expect(try models.modelInfer(.doubles(Array(rows[..<8]), shape: [2, 4])).outputs[0].shape == [2, 1])
        #expect(
            message(.doubles(rows, shape: [3, 4]), of: models)
                == "3 rows are too many for one answer of this model; it takes up to 2")
    }

    @Test("A message has no more of the caller's text than a line holds")
    func longNames() {
        let long = String(repeating: "\n", count: 100_000)
        var request = Inference_ModelInferRequest.doubles([1, 2], shape: [1, 2])
        request.inputs[0].name = long
        request.inputs[0].datatype = long
        #expect(message(request).utf8.count < 2000)
        request.inputs[0].datatype = "FP64"
        request.inputs[0].shape = [1]
        #expect(message(request).utf8.count < 2000)
        #expect(message(request.asking(for: long)).utf8.count < 2000)
        request.modelName = long
        guard case .notFound(let message)? = failure(request) else { return }
        #expect(message.utf8.count < 2000 && !message.contains("\n"))
    }
}
