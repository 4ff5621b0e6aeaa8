import Estimators
import Foundation
import Inference
import OpenInference
import PredictionAPI
import SwiftProtobuf
import Synchronization
import Testing

@Suite("ModelInfer")
struct ModelInferTests {
    private static let sums = TestModels.serving(TestModels.sums(features: Features(count: 2), target: .numbers(2)))
    private static let classifier = TestModels.serving(["model": TestModels.pickled("strings")])

    /// The table that a model gets.
    private func table(_ request: Inference_ModelInferRequest, features: Features) throws -> Table {
        let seen = Mutex<Table?>(nil)
        let models = TestModels.serving(TestModels.echo(features: features) { table in seen.withLock { $0 = table } })
        _ = try models.modelInfer(request)
        return try #require(seen.withLock { $0 })
    }

    // MARK: What is taken

    @Test("A raw request is answered in raw contents, a typed one in typed contents")
    func rawAndTyped() throws {
        var raw = Inference_ModelInferRequest.doubles([1, 2, 3, 4], shape: [2, 2])
        raw.id = "id-1"
        let response = try Self.sums.modelInfer(raw)
        #expect(response.modelName == "model" && response.modelVersion == "v7" && response.id == "id-1")
        #expect(response.outputs.map(\.name) == ["predict"] && response.outputs[0].shape == [2, 2])
        #expect(response.outputs[0].datatype == "FP64" && !response.outputs[0].hasContents)
        #expect(response.outputs[0].parameters == ["content_type": .string("np")])
        let bytes = littleEndian([3.0, 2, 7, 4])
        #expect(response.rawOutputContents == [Data(bytes)])

        let typed = Inference_ModelInferRequest.typed("x", "FP64", [1, 2]) { $0.fp64Contents = [5, 6] }
        let answer = try Self.sums.modelInfer(typed)
        #expect(answer.outputs[0].contents.fp64Contents == [11, 6] && answer.rawOutputContents.isEmpty)
    }

    @Test("Every datatype in raw contents")
    func rawDatatypes() throws {
        let features = Features(count: 2)
        for (datatype, bytes, expected) in [
            ("FP64", littleEndian([1.5, -0.0]), [1.5, -0.0]),
            ("FP32", littleEndian([(1.5 as Float).bitPattern, Float.infinity.bitPattern]), [1.5, .infinity]),
            ("FP16", littleEndian([0x3E00, 0xC000] as [UInt16]), [1.5, -2]),
            ("BF16", littleEndian([0x3FC0, 0xC000] as [UInt16]), [1.5, -2]),
            ("INT8", littleEndian([-128, 127] as [Int8]), [-128, 127]),
            ("INT16", littleEndian([-32768, 5] as [Int16]), [-32768, 5]),
            ("INT32", littleEndian([Int32.min, 5]), [-2_147_483_648, 5]),
            ("INT64", littleEndian([Int64.min, 5]), [-0x1p63, 5]),
            ("UINT8", littleEndian([255, 0] as [UInt8]), [255, 0]),
            ("UINT16", littleEndian([65535, 0] as [UInt16]), [65535, 0]),
            ("UINT32", littleEndian([UInt32.max, 0]), [4_294_967_295, 0]),
            ("UINT64", littleEndian([UInt64.max, 0]), [0x1p64, 0]),
            ("BOOL", [1, 0], [1, 0]),
        ] as [(String, [UInt8], [Double])] {
            let table = try table(.raw([("x", datatype, [1, 2], bytes)]), features: features)
            #expect(table == Table(row: expected), "\(datatype)")
        }
        let text = try table(
            .raw([("x", "BYTES", [2, 2], [1, 0, 0, 0, 0x61, 0, 0, 0, 0, 2, 0, 0, 0, 0xC3, 0xBC, 1, 0, 0, 0, 0x62])]),
            features: Features(count: 2, texts: [0, 1]))
        #expect(
            text
                == Table(columns: [
                    Column(name: nil, values: .texts(["a", "ü"])), Column(name: nil, values: .texts(["", "b"])),
                ]))
    }

    @Test("Every datatype in typed contents")
    func typedDatatypes() throws {
        let features = Features(count: 2)
        for (datatype, fill, expected) in [
            ("FP64", { $0.fp64Contents = [1.5, 2] }, [1.5, 2]),
            ("FP32", { $0.fp32Contents = [0.1, 2] }, [Double(Float(0.1)), 2]),
            ("INT8", { $0.intContents = [-128, 127] }, [-128, 127]),
            ("INT16", { $0.intContents = [-32768, 1] }, [-32768, 1]),
            ("INT32", { $0.intContents = [Int32.min, 1] }, [-0x1p31, 1]),
            ("INT64", { $0.int64Contents = [3, 1] }, [3, 1]),
            ("UINT8", { $0.uintContents = [255, 1] }, [255, 1]),
            ("UINT16", { $0.uintContents = [65535, 1] }, [65535, 1]),
            ("UINT32", { $0.uintContents = [UInt32.max, 1] }, [0x1p32 - 1, 1]),
            ("UINT64", { $0.uint64Contents = [UInt64.max, 1] }, [0x1p64, 1]),
            ("BOOL", { $0.boolContents = [true, false] }, [1, 0]),
        ] as [(String, (inout Inference_InferTensorContents) -> Void, [Double])] {
            let table = try table(.typed("x", datatype, [1, 2], fill), features: features)
            #expect(table == Table(row: expected), "\(datatype)")
        }
        let text = try table(
            .typed("x", "BYTES", [1, 2]) { $0.bytesContents = [Data("ä".utf8), Data()] },
            features: Features(count: 2, texts: [0, 1]))
        #expect(
            text == Table(columns: [Column(name: nil, values: .texts(["ä"])), Column(name: nil, values: .texts([""]))]))
    }

    @Test("Several inputs are columns by name, and so is a single one that says it is a data frame's")
    func columns() throws {
        let features = Features(count: 2, names: ["a", "b"], texts: [0])
        var request = Inference_ModelInferRequest.raw([
            ("b", "INT8", [2], [1, 2]), ("a", "BYTES", [2, 1], [1, 0, 0, 0, 0x78, 0, 0, 0, 0]),
        ])
        let expected = Table(columns: [
            Column(name: "b", values: .numbers([1, 2])), Column(name: "a", values: .texts(["x", ""])),
        ])
        #expect(try table(request, features: features) == expected)
        request.parameters["content_type"] = .string("pd")
        request.inputs[1].parameters["content_type"] = .string("str")
        #expect(try table(request, features: features) == expected)

        var single = Inference_ModelInferRequest.raw([("a", "INT8", [3, 1], [1, 2, 3])])
        single.parameters["content_type"] = .string("pd")
        #expect(
            try table(single, features: Features(count: 1, names: ["a"]))
                == Table(columns: [Column(name: "a", values: .numbers([1, 2, 3]))]))
        single.parameters["content_type"] = .string("np")
        single.inputs[0].shape = [3]
        #expect(
            try table(single, features: Features(count: 1, names: ["a"]))
                == Table(Matrix(rows: 3, columns: 1, values: [1, 2, 3])))
    }

    @Test("A list of texts for a model of one text")
    func listOfTexts() throws {
        var request = Inference_ModelInferRequest.raw([("x", "BYTES", [1], [1, 0, 0, 0, 0x78])])
        request.parameters["content_type"] = .string("str")
        #expect(
            try table(request, features: Features(count: 1, texts: [0]))
                == Table(columns: [Column(name: nil, values: .texts(["x"]))]))
    }

    @Test("Parameters that aren't known are taken, and the id is given back")
    func parameters() throws {
        var request = Inference_ModelInferRequest.doubles([1, 2], shape: [1, 2])
        request.parameters = ["timeout": .string("x"), "priority": .string("1"), "own": .string("")]
        request.inputs[0].parameters = ["own": .string("")]
        request = request.asking(for: "predict")
        request.outputs[0].parameters = ["own": .string("")]
        #expect(try Self.sums.modelInfer(request).id == "")
    }

    @Test("Outputs in the order in which they are asked for, with a content type if it fits")
    func outputs() throws {
        let rows: [Double] = [5.1, 3.5, 1.4, 0.2]
        var request = Inference_ModelInferRequest.doubles(rows, shape: [1, 4]).asking(for: "predict_proba", "predict")
        request.outputs[1].parameters = ["content_type": .string("str")]
        let response = try Self.classifier.modelInfer(request)
        #expect(response.outputs.map(\.name) == ["predict_proba", "predict"])
        #expect(response.outputs.map(\.datatype) == ["FP64", "BYTES"])
        #expect(response.outputs.map(\.shape) == [[1, 3], [1, 1]])
        #expect(
            response.outputs.map(\.parameters) == [["content_type": .string("np")], ["content_type": .string("str")]])
        #expect(response.rawOutputContents.map(\.count) == [24, 14])
    }

    @Test("A model goes on answering while the process stops")
    func stopping() throws {
        let repository = ModelRepository(TestModels.pickled("integers"), name: "iris")
        let stopping = OpenInference(.stopping(repository), server: .init(version: "1"))
        var request = Inference_ModelInferRequest.doubles([1, 2, 3, 4], shape: [1, 4], model: "iris")
        request.modelVersion = "v7"
        #expect(try stopping.modelInfer(request).modelVersion == "v7")
    }

    @Test("An empty message of contents beside raw ones is nothing")
    func emptyContents() throws {
        var request = Inference_ModelInferRequest.doubles([1, 2], shape: [1, 2])
        request.inputs[0].contents = Inference_InferTensorContents()
        #expect(try Self.sums.modelInfer(request).outputs.count == 1)
    }

    // MARK: As bytes

    @Test("From bytes to bytes it is the same, whatever the size", arguments: [1, 127, 128, 20_000])
    func serialized(rows: Int) throws {
        var request = Inference_ModelInferRequest.doubles(
            (0..<rows * 2).map(Double.init), shape: [Int64(rows), 2])
        for id in ["", "an id", String(repeating: "ü", count: 100)] {
            request.id = id
            let bytes = try Self.sums.modelInfer(serialized: try request.serializedBytes())
            #expect(try Inference_ModelInferResponse(serializedBytes: bytes) == Self.sums.modelInfer(request))
        }
        request.rawInputContents = []
        request.inputs[0].contents.fp64Contents = [Double](repeating: 1, count: rows * 2)
        let bytes = try Self.sums.modelInfer(serialized: try request.serializedBytes())
        #expect(try Inference_ModelInferResponse(serializedBytes: bytes) == Self.sums.modelInfer(request))
    }

    @Test("Bytes that are no message")
    func noMessage() {
        #expect(
            throws: InferenceFailure.invalidArgument(
                "the request is not a message of the type inference.ModelInferRequest")
        ) {
            try Self.sums.modelInfer(serialized: [0xFF])
        }
    }

    // MARK: Streams

    @Test("A stream's failed request is answered with the error, and with what it belongs to")
    func stream() {
        var request = Inference_ModelInferRequest.doubles([1, 2], shape: [1, 2])
        request.id = "7"
        let sound = Self.sums.modelStreamInfer(request)
        #expect(sound.errorMessage.isEmpty && sound.inferResponse.outputs.count == 1 && sound.inferResponse.id == "7")
        #expect(sound.inferResponse.parameters["triton_final_response"]?.boolParam == true)
        request.inputs[0].shape = [1]
        let failed = Self.sums.modelStreamInfer(request)
        #expect(failed.errorMessage.hasPrefix("tensor 'x' has the shape [1]"))
        #expect(failed.inferResponse.id == "7" && failed.inferResponse.outputs.isEmpty)
    }

    // MARK: Parts

    @Test("Messages of many parts are refused before they are decoded")
    func parts() throws {
        let pieces: [[UInt8]] = [
            [0x2A, 0], [0x2A, 2, 0x22, 0], [0x22, 0], [0x32, 0], [0x78, 1], [0x2A, 4, 0x18, 1, 0x18, 1],
        ]
        for piece in pieces {
            let bytes = [UInt8]([[UInt8]](repeating: piece, count: 100_000).joined())
            for answer in [Self.sums.modelInfer(serialized:), Self.sums.modelStreamInfer(serialized:)] {
                let failure = #expect(throws: InferenceFailure.self) { try answer(bytes) }
                #expect(failure?.message.hasPrefix("the request has more than 2080 inputs") == true, "\(piece)")
            }
        }
    }

    @Test("Elements are no parts, and a message that is damaged is refused as such")
    func elementsAreNoParts() throws {
        let strings = Inference_ModelInferRequest.typed("x", "BYTES", [50_000, 1]) { contents in
            contents.bytesContents = [Data](repeating: Data("1".utf8), count: 50_000)
        }
        let failure = #expect(throws: InferenceFailure.self) {
            try Self.sums.modelInfer(serialized: try strings.serializedBytes())
        }
        #expect(failure?.message.contains("more than") == false)
        let doubles = Inference_ModelInferRequest.doubles([Double](repeating: 1, count: 100_000), shape: [50_000, 2])
        #expect(try !Self.sums.modelInfer(serialized: try doubles.serializedBytes()).isEmpty)
        for damage in [
            [0x2A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], [0x2A, 0x7F], [0x2F], [0x29, 1],
        ] {
            let bytes = [UInt8](repeating: 0, count: 0) + damage.map(UInt8.init) + [UInt8](repeating: 0xFF, count: 9000)
            let failure = #expect(throws: InferenceFailure.self) { try Self.sums.modelInfer(serialized: bytes) }
            #expect(failure?.message == "the request is not a message of the type inference.ModelInferRequest")
        }
    }
}
