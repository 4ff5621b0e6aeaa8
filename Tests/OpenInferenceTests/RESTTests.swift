import Estimators
import Foundation
import Inference
import OpenInference
import Testing

@Suite("The REST form")
struct RESTTests {
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

    private func get(_ path: String, from models: OpenInference = sums, method: String = "GET") -> RESTResponse {
        models.respond(method: method, path: path, header: { _ in nil }, body: [])
    }

    private func text(_ response: RESTResponse) -> String { String(decoding: response.body, as: UTF8.self) }

    /// The message of a request that the caller has to correct.
    private func message(_ body: String, of models: OpenInference = sums) -> String {
        let response = post(Array(body.utf8), to: models)
        #expect(response.status == 400)
        let object = try? JSONSerialization.jsonObject(with: Data(response.body)) as? [String: String]
        return object?["error"] ?? "no message"
    }

    /// A request with one input.
    private func request(_ input: String, rest: String = "") -> String {
        #"{"inputs":[{"name":"x","datatype":"FP64","shape":[1,2],"# + input + "}]" + rest + "}"
    }

    // MARK: Paths

    @Test("What the server tells of itself")
    func server() {
        for path in ["/v2", "/v2/", "/v2?x=1"] {
            #expect(
                text(get(path))
                    == #"{"name":"sluice","version":"1.2.3","extensions":["binary_tensor_data","parameters"]}"#)
        }
        #expect(text(get("/v2/health/live")) == #"{"live":true}"#)
        #expect(text(get("/v2/health/ready")) == #"{"ready":true}"#)
        #expect(text(get("/v2/models/model/ready")) == #"{"name":"model","ready":true}"#)
        #expect(get("/v2/health/ready", method: "HEAD").status == 200)
    }

    @Test("Before the model is loaded, and while the process stops")
    func notReady() {
        let loading = OpenInference(.loading, server: .init(version: "1"))
        let stopping = OpenInference(
            .stopping(ModelRepository(TestModels.pickled("integers"))), server: .init(version: "1"))
        for models in [loading, stopping] {
            #expect(get("/v2/health/live", from: models).status == 200)
            #expect(get("/v2/health/ready", from: models).status == 503)
            #expect(get("/v2/models/model/ready", from: models).status == 503)
            #expect(text(get("/v2/models/model/ready", from: models)) == #"{"name":"model","ready":false}"#)
        }
        #expect(get("/v2/models/model", from: loading).status == 503)
        #expect(post([], to: loading).status == 503)
        #expect(get("/v2/models/model", from: stopping).status == 200)
    }

    @Test(
        "Paths without anything",
        arguments: [
            "/", "", "/v1", "/v2x", "/v2/x", "/v2/health", "/v2/health/x", "/v2/models", "/v2/models/",
            "/v2/models//ready",
            "/v2/models/m/x", "/v2/models/m/versions", "/v2/models/m/versions//infer", "/v2/models/m/ready/x",
            "/v2/models/%", "/v2/models/%f", "/v2/models/%ff", "/v2/models/%GG",
        ])
    func noPath(path: String) {
        #expect(get(path).status == 404)
    }

    @Test("Whether a path is the protocol's")
    func serves() {
        for path in ["/v2", "/v2/", "/v2?x", "/v2/anything"] { #expect(OpenInference.serves(path)) }
        for path in ["/", "", "/v22", "/v1", "v2", "/health"] { #expect(!OpenInference.serves(path)) }
    }

    @Test("Names with bytes that a path can't have, and versions")
    func encodedNames() {
        let models = TestModels.serving(["ü /1": TestModels.pickled("integers")])
        #expect(get("/v2/models/%C3%BC%20%2f1/ready", from: models).status == 200)
        #expect(get("/v2/models/%C3%BC%20%2F1/versions/v7/ready", from: models).status == 200)
        #expect(get("/v2/models/%C3%BC%20%2F1/versions/v8/ready", from: models).status == 404)
        #expect(get("/v2/models/x/versions/v7", from: models).status == 404)
        #expect(text(post([], path: "/v2/models/x/infer", to: models)).contains("there is no model 'x'"))
    }

    @Test("Another method")
    func methods() {
        let response = get("/v2/models/model/infer")
        #expect(response.status == 405 && response.headers.contains { $0.name == "allow" && $0.value == "POST" })
        #expect(get("/v2", method: "POST").status == 405)
        #expect(get("/v2/models/model/infer", method: "HEAD").status == 405)
    }

    @Test("What a model takes and gives")
    func metadata() {
        #expect(
            text(get("/v2/models/iris", from: Self.classifier))
                == #"{"name":"iris","versions":["v7"],"platform":"sklearn","#
                + #""inputs":[{"name":"input-0","datatype":"FP64","shape":[-1,4]}],"#
                + #""outputs":[{"name":"predict","datatype":"BYTES","shape":[-1,1]},"#
                + #"{"name":"predict_proba","datatype":"FP64","shape":[-1,3]}]}"#)
    }

    // MARK: JSON

    @Test("Members in any order, elements flat or in rows, and what isn't known")
    func json() {
        for body in [
            request(#""data":[1,2]"#), request(#""data":[[1,2]]"#),
            request(#""data":[ [ 1.0 , 2e0 ] ] , "x":{"y":[]}"#),
            #"{"id":null,"parameters":{"own":[1],"content_type":null},"outputs":null,"inputs":[{"data":[1,2],"parameters":null,"shape":[1,2],"#
                + #""datatype":"FP64","name":"x"}],"more":1}"#,
        ] {
            #expect(
                text(post(Array(body.utf8)))
                    == #"{"model_name":"model","model_version":"v7","outputs":[{"name":"predict","shape":[1,1],"#
                    + #""datatype":"FP64","parameters":{"content_type":"np"},"data":[3.0]}]}"#, "\(body)")
        }
    }

    @Test("The id is given back, whatever it has")
    func identifier() throws {
        let body = request(#""data":[1,2]"#, rest: #","id":"\u00e9\"\n""#)
        let response = post(Array(body.utf8))
        let object = try JSONSerialization.jsonObject(with: Data(response.body)) as? [String: Any]
        #expect(object?["id"] as? String == "é\"\n")
    }

    @Test("Null is a missing number or text")
    func null() {
        #expect(
            message(request(#""data":[1,null]"#), of: TestModels.serving(TestModels.sums(features: Features(count: 2))))
                == "tensor 'x': row 0: feature 1 is NaN, not a finite number")
        #expect(post(Array(request(#""data":[1,null]"#).utf8)).status == 200)
        let body = #"{"inputs":[{"name":"x","datatype":"BYTES","shape":[3],"data":[null,"a",null]}]}"#
        let model = TestModels.echo(features: Features(count: 1, texts: [0])) { table in
            #expect(table == Table(columns: [Column(name: nil, values: .texts([nil, "a", nil]))]))
        }
        #expect(post(Array(body.utf8), to: TestModels.serving(model)).status == 200)
    }

    @Test(
        "Elements of another type than the datatype",
        arguments: [
            ("FP64", #"[1,"2"]"#, "text"), ("FP64", #"["1","2"]"#, "row 0, column 0 is a string"),
            ("FP64", "[1,true]", "row 0, column 1 is a boolean"),
            ("INT8", "[1,128]", "row 0, column 1 is 128.0, not INT8"),
            ("INT8", "[1.5,1]", "row 0, column 0 is 1.5, not INT8"), ("INT64", "[1,1e300]", "not INT64"),
            ("UINT8", "[-1,1]", "row 0, column 0 is -1.0, not UINT8"),
            ("BOOL", "[2,true]", "row 0, column 0 is 2.0, not BOOL"),
            ("INT32", "[null,1]", "row 0, column 0 is null, not INT32"),
            ("BYTES", "[1,2]", "row 0, column 0 is not a string"),
            ("BYTES", "[null,1]", "row 0, column 1 is not a string"), ("BF16", "[1,2]", "no form in JSON"),
            ("FP65", "[1,2]", "the datatype 'FP65'"), ("FP64", "[1,NaM]", "not valid JSON"),
        ])
    func elementTypes(datatype: String, data: String, reason: String) {
        let body = #"{"inputs":[{"name":"x","datatype":"\#(datatype)","shape":[1,2],"data":\#(data)}]}"#
        let text = message(body)
        #expect(text.contains(reason), "\(text)")
    }

    @Test("Every datatype's least and largest value")
    func extremes() {
        for (datatype, data) in [
            ("BOOL", "[true,0]"), ("INT8", "[-128,127]"), ("INT16", "[-32768,32767]"),
            ("INT32", "[-2147483648,2147483647]"),
            ("INT64", "[-9223372036854775808,9223372036854775807]"), ("UINT8", "[0,255]"), ("UINT16", "[0,65535]"),
            ("UINT32", "[0,4294967295]"), ("UINT64", "[0,18446744073709551615]"), ("FP16", "[1,65504]"),
            ("FP32", "[0.1,3e38]"), ("FP64", "[1e308,-5e-324]"),
        ] {
            let body = #"{"inputs":[{"name":"x","datatype":"\#(datatype)","shape":[1,2],"data":\#(data)}]}"#
            #expect(post(Array(body.utf8)).status == 200, "\(datatype)")
        }
    }

    @Test(
        "Data of another form than the shape",
        arguments: [
            ("[]", "0 elements"), ("[1]", "1 element where its shape says 2"),
            ("[[1],[2]]", "rows of 1, its shape of 2"),
            ("[[1,2],[3]]", "different lengths"), ("[[]]", "empty"), ("[1,[2]]", "elements without a row"),
            ("[[1,2],3]", "elements without a row"), ("[[[1,2]]]", "nested deeper"), ("[{}]", "nested deeper"),
            ("{}", "an object, not an array"), ("7", "a number, not an array"), ("null", "\"data\" is missing"),
        ])
    func dataForm(data: String, reason: String) {
        let text = message(request(#""data":\#(data)"#))
        #expect(text.contains(reason), "\(text)")
    }

    @Test(
        "Requests of another form",
        arguments: [
            ("", "not valid JSON"), ("[]", "not an object"), ("{}", "\"inputs\" is missing"),
            (#"{"inputs":[]}"#, "no inputs"),
            (#"{"inputs":{}}"#, "\"inputs\" is an object, not an array"),
            (#"{"inputs":[1]}"#, "input 0 is a number, not an object"),
            (#"{"inputs":[],"inputs":[]}"#, "twice"), (#"{"id":1,"inputs":[]}"#, "id is a number, not a string"),
            (#"{"inputs":[{}]}"#, "input 0: \"data\" is missing"),
            (#"{"inputs":[{"data":[1]}]}"#, "input 0: \"name\" is missing"),
            (#"{"inputs":[{"name":"x","data":[1]}]}"#, "input 0: \"datatype\" is missing"),
            (#"{"inputs":[{"name":"x","datatype":"FP64","data":[1]}]}"#, "input 0: \"shape\" is missing"),
            (#"{"inputs":[{"name":5}]}"#, "\"name\" is a number"),
            (#"{"inputs":[{"shape":5}]}"#, "\"shape\" is a number"),
            (#"{"inputs":[{"shape":[1.5]}]}"#, "is 1.5, not an integer"),
            (#"{"inputs":[{"shape":[1e30]}]}"#, "which is too large"),
            (#"{"inputs":[{"shape":["1"]}]}"#, "is a string, not a number"),
            (#"{"inputs":[],"outputs":[{}]}"#, "output 0: \"name\" is missing"),
            (#"{"inputs":[],"outputs":[{"name":"x"}]}"#, "there is no output 'x'"),
            (#"{"inputs":[]}}"#, "behind the end"),
            (#"{"parameters":[]}"#, "\"parameters\" is an array"),
            (#"{"parameters":{"content_type":1}}"#, "not a string"),
            (#"{"parameters":{"content_type":"x"}}"#, "'x' is none of"),
            (#"{"parameters":{"binary_data_output":1}}"#, "not a boolean"),
            (#"{"outputs":[{"parameters":{"classification":2}}]}"#, "classes instead of tensors"),
            (#"{"inputs":[{"parameters":{"shared_memory_region":"a"}}]}"#, "shared memory"),
            (#"{"inputs":[{"data":[1],"data":[1]}]}"#, "twice"),
        ])
    func requestForm(body: String, reason: String) {
        let text = message(body)
        #expect(text.contains(reason), "\(text)")
    }
}
