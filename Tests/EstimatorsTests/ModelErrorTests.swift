import Estimators
import Pickle
import Testing

@Suite("Files that are no models")
struct ModelErrorTests {
    private func failure(_ bytes: [UInt8]) -> ModelError? {
        #expect(throws: ModelError.self) { try Model(file: bytes) }
    }

    /// A shipped model in which the last occurrence of `old` is replaced by `new`, of the same length.
    private func model(replacing old: String, with new: String) -> [UInt8] {
        precondition(old.utf8.count == new.utf8.count)
        var bytes = Fixture.shippedModel("v1.0.0")
        let place = bytes.indices.last { bytes[$0...].starts(with: old.utf8) }!
        bytes.replaceSubrange(place..<place + old.utf8.count, with: new.utf8)
        return bytes
    }

    @Test("A class that is not supported is named")
    func unknownClass() {
        let error = failure(model(replacing: "LogisticRegression", with: "LogisticRegressioN"))
        guard case .pickle(let error) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(
            error.reason
                == .forbiddenGlobal(
                    PythonName(module: "sklearn.linear_model._logistic", name: "LogisticRegressioN")))
    }

    @Test("A class that is not supported, in a compressed file")
    func unknownClassInside() {
        // zlib.compress(b"\x80\x02csklearn.cluster._kmeans\nKMeans\n)\x81}b.")
        let error = failure([
            120, 156, 107, 96, 74, 46, 206, 206, 73, 77, 44, 202, 211, 75, 206, 41, 45, 46, 73, 45, 210, 139, 207, 206,
            77, 77, 204, 43, 230, 242, 246, 5, 83, 154, 141, 181, 73, 122, 0, 34, 160, 14, 28,
        ])
        #expect(
            error?.description
                == "in the content decompressed from zlib, byte 35: the file names 'sklearn.cluster._kmeans.KMeans', which is none "
                + "of the classes that a model may be made of; nothing was run")
        #expect(error?.isOfAnotherKind == true)
    }

    @Test("A file that is compressed in a way that is not supported, or damaged")
    func compressed() {
        for (bytes, beginning) in [
            ([0x04, 0x22, 0x4D, 0x18, 0], "byte 0: the file is compressed (LZ4), which is not supported; save"),
            ([0x1F, 0x8B, 8, 0], "byte 4: the file is compressed (gzip): the compressed data ends too early"),
            (Array("PK\u{3}\u{4}".utf8), "byte 0: the file begins like a zip archive, but does not end like one"),
        ] as [([UInt8], String)] {
            let error = failure(bytes)
            #expect(error?.description.hasPrefix(beginning) == true, "\(String(describing: error))")
            #expect(error?.isOfAnotherKind == false)
        }
    }

    @Test("A command is named and not run")
    func systemCall() {
        let error = failure(
            Array("\u{80}".unicodeScalars.map { UInt8($0.value) }) + [2] + Array("cposix\nsystem\nX".utf8))
        #expect(
            error?.description
                == "byte 2: the file names 'posix.system', which is none of the classes that a model may be made of; "
                + "nothing was run")
    }

    @Test("An attribute that a prediction needs and nobody understands is named with its place")
    func opaqueAttribute() {
        var bytes: [UInt8] = [0x80, 2]
        bytes += Array("csklearn.linear_model._logistic\nLogisticRegression\n)".utf8) + [0x81, 0x7D]
        bytes += Array("X".utf8) + [8, 0, 0, 0] + Array("classes_cshop.models\nLabels\n)Rsb.".utf8)
        let place = bytes.count - 4
        #expect(
            failure(bytes)
                == .unusable(
                    part: "LogisticRegression.classes_", found: "a value made by 'shop.models.Labels'",
                    expected: "an array of class labels", offset: place))
    }

    @Test("A step of a class that is not supported is named with its place")
    func opaqueStep() {
        var bytes: [UInt8] = [0x80, 2]
        bytes += Array("csklearn.pipeline\nPipeline\n)".utf8) + [0x81, 0x7D]
        bytes += Array("X".utf8) + [5, 0, 0, 0] + Array("steps](X".utf8) + [1, 0, 0, 0] + Array("a".utf8)
        bytes +=
            Array("csklearn.gaussian_process._gpc\nGaussianProcessClassifier\n)".utf8) + [0x81, 0x86]
            + Array("esb.".utf8)
        let place = bytes.count - 6
        #expect(
            failure(bytes)
                == .unusable(
                    part: "Pipeline step 'a'",
                    found: "a value made by 'sklearn.gaussian_process._gpc.GaussianProcessClassifier'",
                    expected: "an estimator", offset: place))
    }

    @Test("A pickle of something else")
    func otherValue() {
        #expect(
            failure([0x80, 4, 0x4B, 7, 0x2E])
                == .unusable(part: "model", found: "the integer 7", expected: "an estimator", offset: 0))
    }

    @Test("A model that was never fitted misses its attributes", arguments: ["coef_", "classes_", "intercept_"])
    func missingAttribute(name: String) {
        let other = String(repeating: "x", count: name.utf8.count)
        let error = failure(model(replacing: name, with: other))
        guard case .unusable(let part, "no such attribute", _, let offset) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(part == "LogisticRegression.\(name)")
        #expect(offset > 0)
    }

    @Test("A scaler alone classifies nothing")
    func scalerAlone() {
        // A hand-made pickle of a MinMaxScaler without attributes, and one with an empty dictionary of them.
        var bytes: [UInt8] = [0x80, 2]
        bytes += Array("csklearn.preprocessing._data\nMinMaxScaler\n)".utf8) + [0x81]
        #expect(
            failure(bytes + [0x2E])
                == .unusable(
                    part: "model", found: "a MinMaxScaler without attributes", expected: "a fitted one", offset: 45))
        #expect(
            failure(bytes + Array("}b.".utf8))
                == .unusable(
                    part: "MinMaxScaler.scale_", found: "no such attribute", expected: "a fitted estimator's",
                    offset: 45))
    }

    @Test("A pipeline that contains itself ends with an error")
    func cyclicPipeline() {
        var bytes: [UInt8] = [0x80, 2]
        bytes += Array("csklearn.pipeline\nPipeline\n)".utf8) + [0x81, 0x71, 0]
        bytes += Array("}X".utf8) + [5, 0, 0, 0] + Array("steps](X".utf8) + [1, 0, 0, 0] + Array("a".utf8)
        bytes += [0x68, 0, 0x86] + Array("esb.".utf8)
        guard case .unusable("Pipeline step 'a'", _, _, _) = failure(bytes) else {
            Issue.record("\(String(describing: failure(bytes)))")
            return
        }
    }

    @Test("A pipeline of a million references to one step ends with an error")
    func longPipeline() {
        var bytes: [UInt8] = [0x80, 2]
        bytes += Array("csklearn.pipeline\nPipeline\n)".utf8) + [0x81, 0x7D]
        bytes += Array("X".utf8) + [5, 0, 0, 0] + Array("steps](NN".utf8) + [0x86, 0x71, 0]
        bytes += Array(repeating: 0x32, count: 900_000) + Array("esb.".utf8)
        guard case .unusable("Pipeline.steps", "a list of 900001 items", _, _) = failure(bytes) else {
            Issue.record("\(String(describing: failure(bytes)))")
            return
        }
    }
}
