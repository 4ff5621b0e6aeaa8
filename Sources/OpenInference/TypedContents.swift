import Estimators
import FoundationEssentials
import PredictionAPI

/// A tensor's elements in the field of a message that belongs to their datatype.
enum TypedContents {
    static func values(
        _ contents: Inference_InferTensorContents, _ head: TensorHead
    ) throws(InferenceFailure) -> Column.Values {
        switch head.datatype {
        case .fp64:
            try check(contents, contents.fp64Contents.count, "fp64_contents", head)
            return .numbers(contents.fp64Contents)
        case .fp32:
            try check(contents, contents.fp32Contents.count, "fp32_contents", head)
            return .numbers(contents.fp32Contents.map { Double($0) })
        case .int64:
            try check(contents, contents.int64Contents.count, "int64_contents", head)
            return .numbers(contents.int64Contents.map { Double($0) })
        case .uint64:
            try check(contents, contents.uint64Contents.count, "uint64_contents", head)
            return .numbers(contents.uint64Contents.map { Double($0) })
        case .int32: return .numbers(try integers(contents, as: Int32.self, head))
        case .int16: return .numbers(try integers(contents, as: Int16.self, head))
        case .int8: return .numbers(try integers(contents, as: Int8.self, head))
        case .uint32: return .numbers(try unsigned(contents, as: UInt32.self, head))
        case .uint16: return .numbers(try unsigned(contents, as: UInt16.self, head))
        case .uint8: return .numbers(try unsigned(contents, as: UInt8.self, head))
        case .bool:
            try check(contents, contents.boolContents.count, "bool_contents", head)
            return .numbers(contents.boolContents.map { $0 ? 1 : 0 })
        case .bytes:
            try check(contents, contents.bytesContents.count, "bytes_contents", head)
            return .texts(try texts(contents.bytesContents, head))
        case .fp16, .bf16:
            throw head.failure("\(head.datatype.rawValue) has no field of its own: give it as raw_input_contents")
        }
    }

    /// The number of elements in all fields.
    static func count(_ contents: Inference_InferTensorContents) -> Int {
        contents.boolContents.count + contents.intContents.count + contents.int64Contents.count
            + contents.uintContents.count + contents.uint64Contents.count + contents.fp32Contents.count
            + contents.fp64Contents.count + contents.bytesContents.count
    }

    /// Checks that the right field, and no other, has the elements.
    private static func check(
        _ contents: Inference_InferTensorContents, _ found: Int, _ field: StaticString, _ head: TensorHead
    ) throws(InferenceFailure) {
        guard found == count(contents) else {
            throw head.failure("\(head.datatype.rawValue), but it has elements in another field than \(field)")
        }
        try head.checkCount(found)
    }

    private static func integers<Integer: FixedWidthInteger>(
        _ contents: Inference_InferTensorContents, as type: Integer.Type, _ head: TensorHead
    ) throws(InferenceFailure) -> [Double] {
        try check(contents, contents.intContents.count, "int_contents", head)
        if let index = contents.intContents.firstIndex(where: { Integer(exactly: $0) == nil }) {
            throw head.failure(at: index, "is \(contents.intContents[index]), beyond \(head.datatype.rawValue)")
        }
        return contents.intContents.map { Double($0) }
    }

    private static func unsigned<Integer: FixedWidthInteger>(
        _ contents: Inference_InferTensorContents, as type: Integer.Type, _ head: TensorHead
    ) throws(InferenceFailure) -> [Double] {
        try check(contents, contents.uintContents.count, "uint_contents", head)
        if let index = contents.uintContents.firstIndex(where: { Integer(exactly: $0) == nil }) {
            throw head.failure(at: index, "is \(contents.uintContents[index]), beyond \(head.datatype.rawValue)")
        }
        return contents.uintContents.map { Double($0) }
    }

    private static func texts(_ elements: [Data], _ head: TensorHead) throws(InferenceFailure) -> [String?] {
        var texts: [String?] = []
        texts.reserveCapacity(elements.count)
        for (index, element) in elements.enumerated() {
            guard let text = String(validating: element, as: UTF8.self) else {
                throw head.failure(at: index, "is not valid UTF-8")
            }
            texts.append(text)
        }
        return texts
    }
}
