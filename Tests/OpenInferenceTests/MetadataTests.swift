import Estimators
import Inference
import OpenInference
import PredictionAPI
import Testing

@Suite("What the server and its models tell of themselves")
struct MetadataTests {
    private func describe(_ model: Model) throws -> [String] {
        var request = Inference_ModelMetadataRequest()
        request.name = "model"
        let response = try TestModels.serving(model).modelMetadata(request)
        #expect(response.name == "model" && response.versions == ["v7"] && response.platform == "sklearn")
        return (response.inputs + response.outputs).map { "\($0.name) \($0.datatype) \($0.shape)" }
    }

    @Test("Inputs and outputs by the model's features and task")
    func tensors() throws {
        let sums = TestModels.sums(features: Features(count: 3))
        #expect(try describe(sums) == ["input-0 FP64 [-1, 3]", "predict FP64 [-1, 1]"])
        let two = TestModels.sums(features: Features(count: 1, names: ["a"]), target: .numbers(2))
        #expect(try describe(two) == ["a FP64 [-1, 1]", "predict FP64 [-1, 2]"])
        let mixed = TestModels.echo(features: Features(count: 2, names: ["a", "b"], texts: [1])) { _ in }
        #expect(try describe(mixed) == ["a FP64 [-1, 1]", "b BYTES [-1, 1]", "predict BYTES [-1, 1]"])
        let nameless = TestModels.echo(features: Features(count: 2, texts: [0])) { _ in }
        #expect(try describe(nameless) == ["input-0 BYTES [-1, 1]", "input-1 FP64 [-1, 1]", "predict BYTES [-1, 1]"])
        let texts = TestModels.echo(features: Features(count: 2, texts: [0, 1])) { _ in }
        #expect(try describe(texts) == ["input-0 BYTES [-1, 2]", "predict BYTES [-1, 1]"])
    }

    @Test("The datatype of each kind of label")
    func labels() throws {
        for (name, datatype) in [("integers", "INT64"), ("floats", "FP64"), ("booleans", "BOOL"), ("objects", "BYTES")]
        {
            var request = Inference_ModelMetadataRequest()
            request.name = name
            let response = try TestModels.serving([name: TestModels.pickled(name)]).modelMetadata(request)
            #expect(response.outputs.map(\.name) == ["predict", "predict_proba"])
            #expect(response.outputs[0].datatype == datatype)
        }
    }

    @Test("Live, ready, and which models are")
    func readiness() throws {
        let models = TestModels.serving(["a": TestModels.pickled("integers", version: "3")])
        #expect(models.serverLive().live && models.serverReady().ready)
        #expect(models.serverMetadata().name == "sluice" && models.serverMetadata().version == "1.2.3")
        #expect(models.serverMetadata().extensions.contains("binary_tensor_data"))
        var request = Inference_ModelReadyRequest()
        request.name = "a"
        request.version = "3"
        #expect(try models.modelReady(request).ready)
        let loading = OpenInference(.loading, server: .init(version: "1"))
        #expect(try !loading.modelReady(request).ready && !loading.serverReady().ready && loading.serverLive().live)
        request.version = "4"
        #expect(throws: InferenceFailure.notFound("the model 'a' has no version '4', only '3'")) {
            try models.modelReady(request)
        }
        request.name = "b"
        #expect(throws: InferenceFailure.notFound("there is no model 'b', only 'a'")) { try models.modelReady(request) }
    }

    @Test("Versions of a folder: the latest answers, the others can be asked for")
    func versions() throws {
        let entry = ModelRepository.Entry(
            name: "m", versions: ["2", "10"].map { TestModels.pickled("integers", version: $0) })
        let models = OpenInference(.serving(ModelRepository([entry])), server: .init(version: "1"))
        var request = Inference_ModelInferRequest.doubles([1, 2, 3, 4], shape: [1, 4], model: "m")
        #expect(try models.modelInfer(request).modelVersion == "10")
        request.modelVersion = "2"
        #expect(try models.modelInfer(request).modelVersion == "2")
        var metadata = Inference_ModelMetadataRequest()
        metadata.name = "m"
        #expect(try models.modelMetadata(metadata).versions == ["2", "10"])
    }
}
