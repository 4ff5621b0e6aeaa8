import Estimators
import Foundation
import Inference
import OpenInference
import PredictionAPI
import SwiftProtobuf
import Testing

/// What a real MLServer answered to the same requests; see `Fixtures/make_mlserver.py`.
@Suite("The same answers as MLServer's")
struct MLServerTests {
    /// What is recorded; anew each time, since what JSON's parser makes can't be shared between threads.
    private static func recorded() -> [String: Any] {
        let json = Data(TestModels.bytes("mlserver.json"))
        return try! JSONSerialization.jsonObject(with: json) as! [String: Any]
    }

    private static func cases() -> [[String: Any]] { recorded()["cases"] as! [[String: Any]] }

    private static let indices = cases().indices

    /// A linear regressor with recorded coefficients.
    private static func linear(_ name: String) -> ServedModel {
        let all = recorded()["linear"] as! [String: [String: Any]]
        let coefficients = all[name]!["coef"] as! [[Double]]
        let intercepts = all[name]!["intercept"] as! [Double]
        let target: RegressionTarget = name == "number" ? .number : .numbers(coefficients.count)
        let model = Model(task: .regression(target), features: Features(count: 4)) { table, _ throws(FeatureError) in
            guard case .matrix(let matrix) = table.content else { throw .row(0, .text(Feature(index: 0))) }
            var answer = Matrix(rows: matrix.rows, columns: coefficients.count)
            for row in 0..<matrix.rows {
                for (column, factors) in coefficients.enumerated() {
                    answer[row, column] = zip(matrix.row(row), factors).map(*).reduce(intercepts[column], +)
                }
            }
            return .regression(answer)
        }
        return ServedModel(model, version: "v7", sha256: "")
    }

    /// A classifier of mixed columns that answers what is recorded, if it gets the columns.
    private static let mixed: ServedModel = {
        let body =
            (cases().first { $0["model"] as? String == "mixed" }!["rest"] as! [String: Any])["body"] as! [String: Any]
        let outputs = body["outputs"] as! [[String: Any]]
        let labels = outputs[0]["data"] as! [String]
        let probabilities = outputs[1]["data"] as! [Double]
        let features = Features(count: 3, names: ["city", "age", "owns"], texts: [0])
        let model = Model(
            task: .classification(classes: [.string("old"), .string("young")], hasProbabilities: true),
            features: features
        ) { table, _ throws(FeatureError) in
            let expected = [
                Column(name: "city", values: .texts(["Oslo", "Roma", "Oslo", "Köln"])),
                Column(name: "age", values: .numbers([31, 18.5, 77.25, 0])),
                Column(name: "owns", values: .numbers([1, 0, 1, 0])),
            ]
            guard table.content == .columns(expected) else { throw .missingColumn("\(table)") }
            return .classification(
                Classification(
                    classIndices: labels.map { $0 == "old" ? 0 : 1 },
                    probabilities: Matrix(rows: 4, columns: 2, values: probabilities)))
        }
        return ServedModel(model, version: "v7", sha256: "")
    }()

    private static let protocolInFront: OpenInference = {
        var models: [String: ServedModel] = ["mixed": mixed]
        for name in ["integers", "strings", "objects", "booleans", "floats", "named"] {
            models[name] = TestModels.pickled(name)
        }
        for name in ["number", "numbers", "column"] { models[name] = linear(name) }
        return TestModels.serving(models)
    }()

    /// Compares what JSON's parser has made of two texts; numbers within a tolerance.
    private static func agree(_ ours: Any?, _ theirs: Any?, within tolerance: Double) -> Bool {
        switch (ours, theirs) {
        case (nil, nil): true
        case (let ours as [String: Any], let theirs as [String: Any]):
            Set(ours.keys) == Set(theirs.keys)
                && ours.keys.allSatisfy { agree(ours[$0], theirs[$0], within: tolerance) }
        case (let ours as [Any], let theirs as [Any]):
            ours.count == theirs.count && zip(ours, theirs).allSatisfy { agree($0, $1, within: tolerance) }
        case (let ours as String, let theirs as String): ours == theirs
        case (let ours as Double, let theirs as Double): abs(ours - theirs) <= tolerance
        case (let ours as Bool, let theirs as Bool): ours == theirs
        default: false
        }
    }

    @Test("Over REST", arguments: indices)
    func rest(index: Int) throws {
        let recorded = Self.cases()[index]
        let model = recorded["model"] as! String
        let rest = recorded["rest"] as! [String: Any]
        let request = rest["request"] as! [String: Any]
        #expect(rest["status"] as? Int == 200)
        let response = Self.protocolInFront.respond(
            method: "POST", path: "/v2/models/\(model)/infer", header: { _ in nil },
            body: [UInt8](try JSONSerialization.data(withJSONObject: request)))
        #expect(response.status == 200, "\(String(decoding: response.body, as: UTF8.self))")
        let ours = try #require(try JSONSerialization.jsonObject(with: Data(response.body)) as? [String: Any])
        var theirs = rest["body"] as! [String: Any]
        // An empty object, and an id where the caller gave none: nothing that the protocol asks for.
        theirs["parameters"] = nil
        if request["id"] == nil { theirs["id"] = nil }
        #expect(Self.agree(ours, theirs, within: Self.tolerance(request)), "\(ours) \(theirs)")
    }

    @Test("Over gRPC, with typed and with raw contents", arguments: indices)
    func grpc(index: Int) throws {
        let recorded = Self.cases()[index]
        let rest = recorded["rest"] as! [String: Any]
        let tolerance = Self.tolerance(rest["request"] as! [String: Any])
        for kind in ["typed", "raw"] {
            guard let exchange = recorded[kind] as? [String: Any] else { continue }
            let request = try Inference_ModelInferRequest(
                jsonUTF8Data: try JSONSerialization.data(withJSONObject: exchange["request"]!))
            let ours = try Self.protocolInFront.modelInfer(request)
            let bytes = try Self.protocolInFront.modelInfer(serialized: try request.serializedBytes())
            #expect(try Inference_ModelInferResponse(serializedBytes: bytes) == ours)
            guard let recorded = exchange["response"] else {
                // MLServer can't put labels that are Python's own objects into a message.
                #expect(exchange["details"] as? String == "expected bytes, str found" && kind == "typed")
                continue
            }
            var theirs = try Inference_ModelInferResponse(
                jsonUTF8Data: try JSONSerialization.data(withJSONObject: recorded))
            // Beside raw contents it sends empty ones.
            if kind == "raw" { for index in theirs.outputs.indices { theirs.outputs[index].clearContents() } }
            #expect(Self.agree(ours, theirs, within: tolerance), "\(ours) \(theirs)")
        }
    }

    private static func agree(
        _ ours: Inference_ModelInferResponse, _ theirs: Inference_ModelInferResponse, within tolerance: Double
    ) -> Bool {
        var (ours, theirs) = (ours, theirs)
        guard ours.outputs.count == theirs.outputs.count,
            ours.rawOutputContents.count == theirs.rawOutputContents.count
        else { return false }
        for index in ours.outputs.indices {
            guard
                agree(ours.outputs[index].contents.fp64Contents, theirs.outputs[index].contents.fp64Contents, tolerance)
            else { return false }
            if ours.outputs[index].hasContents { ours.outputs[index].contents.fp64Contents = [] }
            if theirs.outputs[index].hasContents { theirs.outputs[index].contents.fp64Contents = [] }
            if ours.outputs[index].datatype == "FP64", !ours.rawOutputContents.isEmpty {
                guard agree(doubles(ours.rawOutputContents[index]), doubles(theirs.rawOutputContents[index]), tolerance)
                else { return false }
                ours.rawOutputContents[index] = Data()
                theirs.rawOutputContents[index] = Data()
            }
        }
        return ours == theirs
    }

    private static func agree(_ ours: [Double], _ theirs: [Double], _ tolerance: Double) -> Bool {
        ours.count == theirs.count && zip(ours, theirs).allSatisfy { abs($0 - $1) <= tolerance }
    }

    private static func doubles(_ data: Data) -> [Double] {
        stride(from: 0, to: data.count - 7, by: 8).map { offset in
            Double(bitPattern: data[offset..<offset + 8].reversed().reduce(0) { $0 << 8 | UInt64($1) })
        }
    }

    /// scikit-learn computes with the floats that it gets.
    private static func tolerance(_ request: [String: Any]) -> Double {
        let types = (request["inputs"] as! [[String: Any]]).map { $0["datatype"] as! String }
        if types.contains("FP16") { return 1e-2 }
        return types.contains("FP32") ? 1e-6 : 1e-12
    }
}
