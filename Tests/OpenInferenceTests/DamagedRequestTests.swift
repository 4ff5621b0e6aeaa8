import Estimators
import Foundation
import Inference
import OpenInference
import PredictionAPI
import SwiftProtobuf
import TestSupport
import Testing

/// Random damage to sound requests. Nothing may crash, and whatever is answered has to be complete.
@Suite("Damaged requests")
struct DamagedRequestTests {
    private static let models = TestModels.serving([
        "numbers": ServedModel(
            TestModels.sums(features: Features(count: 2, unusual: .any), target: .numbers(3)), version: "1", sha256: ""),
        "strings": TestModels.pickled("strings"),
        "texts": ServedModel(
            TestModels.echo(features: Features(count: 2, names: ["a", "b"], texts: [0, 1])) { _ in }, version: "1",
            sha256: ""),
    ])

    private static let bodies: [(model: String, json: String, bytes: [UInt8])] = [
        (
            "numbers",
            #"{"id":"1","inputs":[{"name":"x","shape":[2,2],"datatype":"FP32","data":[[1,2.5],[null,-4e1]]}],"outputs":[{"name":"predict"}]}"#,
            []
        ),
        (
            "numbers",
            #"{"inputs":[{"name":"x","shape":[1,2],"datatype":"INT16","parameters":{"binary_data_size":4}}],"parameters":{"binary_data_output":true}}"#,
            [1, 0, 2, 0]
        ),
        (
            "strings",
            #"{"inputs":[{"name":"x","shape":[1,4],"datatype":"FP64","data":[1,2,3,4]}],"outputs":[{"name":"predict_proba","parameters":{"binary_data":true}}]}"#,
            []
        ),
        (
            "texts",
            #"{"inputs":[{"name":"a","shape":[2],"datatype":"BYTES","data":["\u00e9",null]},{"name":"b","shape":[2,1],"datatype":"BYTES","parameters":{"binary_data_size":10}}],"parameters":{"content_type":"pd"}}"#,
            [1, 0, 0, 0, 0x78, 1, 0, 0, 0, 0x79]
        ),
    ]

    /// Changes, removes, adds or doubles a few bytes.
    private static func damage(_ bytes: [UInt8], _ random: inout SplitMix) -> [UInt8] {
        var bytes = bytes
        let alphabet = Array("{}[]\",:0123456789.eE+-nulltrue\\abx".utf8)
        for _ in 0..<Int.random(in: 1...3, using: &random) where !bytes.isEmpty {
            let place = Int.random(in: bytes.indices, using: &random)
            switch Int.random(in: 0..<5, using: &random) {
            case 0: bytes[place] = alphabet.randomElement(using: &random)!
            case 1: bytes[place] = UInt8.random(in: 0...255, using: &random)
            case 2: bytes.remove(at: place)
            case 3: bytes.insert(alphabet.randomElement(using: &random)!, at: place)
            default:
                let end = min(bytes.count, place + Int.random(in: 1...8, using: &random))
                bytes.insert(contentsOf: bytes[place..<end], at: place)
            }
        }
        return bytes
    }

    @Test("In the REST form", arguments: 1...4 as ClosedRange<UInt64>)
    func rest(seed: UInt64) throws {
        var random = SplitMix(seed: seed)
        var answered = 0
        for _ in 0..<20_000 {
            let (model, json, bytes) = Self.bodies.randomElement(using: &random)!
            let text = Bool.random(using: &random) ? Self.damage(Array(json.utf8), &random) : Array(json.utf8)
            let tail = Bool.random(using: &random) ? Self.damage(bytes, &random) : bytes
            let length = Int.random(in: 0..<20, using: &random) == 0 ? text.count - 1 : text.count
            let response = Self.models.respond(
                method: "POST", path: "/v2/models/\(model)/infer", header: { _ in "\(length)" }, body: text + tail)
            #expect(response.status == 200 || response.status == 400)
            let count = response.headers.first { $0.name == "inference-header-content-length" }.flatMap {
                Int($0.value)
            }
            let object =
                try JSONSerialization.jsonObject(with: Data(response.body[..<(count ?? response.body.count)]))
                as? [String: Any]
            if response.status == 200 {
                answered += 1
                let outputs = try #require(object?["outputs"] as? [[String: Any]])
                #expect(outputs.allSatisfy { ($0["shape"] as? [Int])?.count == 2 })
            } else {
                #expect((object?["error"] as? String)?.isEmpty == false)
            }
        }
        #expect(answered > 1000)
    }

    private static let messages: [Inference_ModelInferRequest] = {
        var raw = Inference_ModelInferRequest.doubles([1, 2, 3, 4], shape: [2, 2], model: "numbers")
        raw.parameters["content_type"] = .string("np")
        let typed = Inference_ModelInferRequest.typed("x", "FP32", [1, 4], model: "strings") {
            $0.fp32Contents = [1, 2, 3, 4]
        }
        let texts = Inference_ModelInferRequest.raw(
            [
                ("a", "BYTES", [2, 1], [1, 0, 0, 0, 0x78, 1, 0, 0, 0, 0x79]),
                ("b", "BYTES", [2], [0, 0, 0, 0, 3, 0, 0, 0, 0xE2, 0x82, 0xAC]),
            ], model: "texts")
        let integers = Inference_ModelInferRequest.typed("x", "INT8", [2, 2], model: "numbers") {
            $0.intContents = [1, -2, 3, 4]
        }
        return [raw, typed.asking(for: "predict", "predict_proba"), texts, integers]
    }()

    @Test("As messages", arguments: 1...4 as ClosedRange<UInt64>)
    func messages(seed: UInt64) throws {
        var random = SplitMix(seed: seed)
        let sound: [[UInt8]] = try Self.messages.map { try $0.serializedBytes() }
        for message in Self.messages { #expect(throws: Never.self) { try Self.models.modelInfer(message) } }
        var answered = 0
        for _ in 0..<40_000 {
            let bytes = Self.damage(sound.randomElement(using: &random)!, &random)
            guard let request = try? Inference_ModelInferRequest(serializedBytes: bytes) else { continue }
            guard let response = try? Self.models.modelInfer(request) else { continue }
            answered += 1
            #expect(response.outputs.count == max(1, request.outputs.count))
            #expect(response.rawOutputContents.count == (request.rawInputContents.isEmpty ? 0 : response.outputs.count))
            #expect(response.outputs.allSatisfy { $0.shape.count == 2 && $0.shape[0] > 0 })
        }
        #expect(answered > 1000)
    }

    @Test("In shapes, sizes and raw contents", arguments: 1...2 as ClosedRange<UInt64>)
    func shapes(seed: UInt64) {
        var random = SplitMix(seed: seed)
        let numbers: [Int64] = [.min, -1, 0, 1, 2, 3, 4, 1 << 31, 1 << 32, 1 << 61, 1 << 62, .max]
        let types = ["FP64", "FP32", "FP16", "INT8", "UINT64", "BOOL", "BYTES", "X"]
        for _ in 0..<20_000 {
            let inputs = (0..<Int.random(in: 1...3, using: &random)).map { index in
                let shape = (0..<Int.random(in: 0...3, using: &random)).map { _ in
                    numbers.randomElement(using: &random)!
                }
                let bytes = (0..<Int.random(in: 0...32, using: &random)).map { _ in
                    UInt8.random(in: 0...2, using: &random)
                }
                return (
                    name: ["a", "b"].randomElement(using: &random)!, datatype: types.randomElement(using: &random)!,
                    shape: shape, bytes: bytes
                )
            }
            for model in ["numbers", "texts"] {
                guard let response = try? Self.models.modelInfer(.raw(inputs, model: model)) else { continue }
                #expect(response.outputs[0].shape[0] <= 32)
            }
        }
    }
}
