import Estimators
import Foundation
import Inference
import OpenInference
import Testing

@Suite("Binary data behind JSON")
struct BinaryDataTests {
    private static let sums = TestModels.serving(TestModels.sums(features: Features(count: 2, unusual: .missing)))
    private static let classifier = TestModels.serving(["iris": TestModels.pickled("strings")])

    private func post(
        _ body: [UInt8], path: String = "/v2/models/model/infer", headerLength: String? = nil,
        to models: OpenInference = sums
    ) -> RESTResponse {
        models.respond(
            method: "POST", path: path,
            header: { $0 == "inference-header-content-length" ? headerLength : nil }, body: body)
    }

    private func text(_ response: RESTResponse) -> String { String(decoding: response.body, as: UTF8.self) }

    /// A request with one input.
    private func request(_ input: String, rest: String = "") -> String {
        #"{"inputs":[{"name":"x","datatype":"FP64","shape":[1,2],"# + input + "}]" + rest + "}"
    }

    /// A request with the elements behind the JSON, and the length of the JSON.
    private func binary(
        size: Int = 16, bytes: [UInt8] = littleEndian([1.0, 2.0]), rest: String = ""
    ) -> (body: [UInt8], length: String) {
        let json = Array(request(#""parameters":{"binary_data_size":\#(size)}"#, rest: rest).utf8)
        return (json + bytes, "\(json.count)")
    }

    @Test("Elements behind the JSON, answered behind the JSON if that is asked for")
    func binaryData() throws {
        for rest in [
            #","parameters":{"binary_data_output":true}"#,
            #","outputs":[{"name":"predict","parameters":{"binary_data":true}}]"#,
            #","parameters":{"binary_data_output":true},"outputs":[{"name":"predict"}]"#,
        ] {
            let (body, length) = binary(rest: rest)
            let response = post(body, headerLength: length)
            #expect(response.status == 200, "\(text(response))")
            let header = response.headers.first { $0.name == "inference-header-content-length" }
            let count = try #require(header.flatMap { Int($0.value) })
            #expect(response.headers.contains { $0.name == "content-type" && $0.value == "application/octet-stream" })
            #expect(
                String(decoding: response.body[..<count], as: UTF8.self)
                    == #"{"model_name":"model","model_version":"v7","outputs":[{"name":"predict","shape":[1,1],"#
                    + #""datatype":"FP64","parameters":{"content_type":"np","binary_data_size":8}}]}"#)
            #expect(Array(response.body[count...]) == littleEndian([3.0]))
        }
        let (body, length) = binary(
            rest:
                #","parameters":{"binary_data_output":true},"outputs":[{"name":"predict","parameters":{"binary_data":false}}]"#
        )
        #expect(text(post(body, headerLength: length)).hasSuffix(#""data":[3.0]}]}"#))
    }

    @Test("JSON and bytes in one answer")
    func mixedOutputs() throws {
        let body = #"""
            {"inputs":[{"name":"x","datatype":"FP64","shape":[2,4],"data":[5.1,3.5,1.4,0.2,1,2,3,4]}],
            "outputs":[{"name":"predict","parameters":{"binary_data":true}},{"name":"predict_proba"}]}
            """#
        let response = post(Array(body.utf8), path: "/v2/models/iris/infer", to: Self.classifier)
        let header = try #require(response.headers.first { $0.name == "inference-header-content-length" })
        let count = try #require(Int(header.value))
        let json = try JSONSerialization.jsonObject(with: Data(response.body[..<count])) as? [String: Any]
        let outputs = try #require(json?["outputs"] as? [[String: Any]])
        #expect(
            (outputs[0]["parameters"] as? [String: Any])?["binary_data_size"] as? Int == response.body.count - count)
        #expect((outputs[1]["data"] as? [Double])?.count == 6)
        #expect(Array(response.body[count..<count + 14]) == [10, 0, 0, 0] + Array("versicolor".utf8))
    }

    @Test("Sizes that don't fit the body")
    func binarySizes() {
        func message(_ body: [UInt8], _ length: String?) -> String {
            let response = post(body, headerLength: length)
            #expect(response.status == 400)
            return text(response)
        }
        let (body, length) = binary()
        #expect(message(body, nil).contains("not valid JSON"))
        #expect(message(body, "0").contains("not valid JSON"))
        #expect(message(body, "99999999999999999999").contains("larger than the body"))
        #expect(message(body, "-1").contains("larger than the body"))
        #expect(message(body, "").contains("larger than the body"))
        #expect(message(body, "\(body.count + 1)").contains("larger than the body"))
        #expect(message(body + [0], length).contains("1 bytes of the body belong to no input"))
        #expect(message(body.dropLast(), length).contains("is 16, but only 15 bytes are left"))
        let short = binary(size: 8)
        #expect(message(short.body, short.length).contains("8 bytes of the body belong to no input"))
        let shorter = binary(size: 8, bytes: [UInt8](repeating: 0, count: 8))
        #expect(message(shorter.body, shorter.length).contains("8 bytes where its shape says 2 elements of 8"))
        let negative = binary(size: -1)
        #expect(message(negative.body, negative.length).contains("is negative"))
        let huge = binary(size: 1 << 50)
        #expect(message(huge.body, huge.length).contains("only 16 bytes are left"))
        let without = Array(request(#""parameters":{"binary_data_size":0}"#).utf8)
        #expect(message(without, nil).contains("no inference-header-content-length"))
        let both = Array(request(#""data":[1,2],"parameters":{"binary_data_size":0}"#).utf8)
        #expect(message(both, "\(both.count)").contains("both"))
        let trailing = Array(request(#""data":[1,2]"#).utf8)
        #expect(message(trailing + [1], "\(trailing.count)").contains("belong to no input"))
    }
}
