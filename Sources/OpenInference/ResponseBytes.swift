import Inference
import PredictionAPI
import SwiftProtobuf

/// The bytes of a response's message (https://protobuf.dev/programming-guides/encoding/), written field by field: the
/// library takes as long for a small response as everything else together.
///
/// Every field's number is below 16, and so its tag one byte.
struct ResponseBytes {
    private var bytes: [UInt8] = []

    static func write(_ outcome: OpenInference.Outcome, id: String) -> [UInt8] {
        var writer = ResponseBytes()
        writer.bytes.reserveCapacity(128 + 128 * outcome.outputs.count)
        writer.string(1, outcome.model.name)
        writer.string(2, outcome.model.served.version)
        writer.string(3, id)
        for tensor in outcome.outputs { writer.output(tensor, isRaw: outcome.isRaw) }
        guard outcome.isRaw else { return writer.bytes }
        for tensor in outcome.outputs {
            unsafe tensor.withRawContents { contents in
                writer.length(6, contents.count)
                unsafe writer.bytes.append(contentsOf: contents)
            }
        }
        return writer.bytes
    }

    private mutating func output(_ tensor: OutputTensor, isRaw: Bool) {
        guard isRaw else {
            // The elements outweigh the rest; and the library can fail only for required fields and text that isn't UTF-8,
            // of which there are none.
            let message: [UInt8] = (try? tensor.message(withContents: true).serializedBytes()) ?? []
            length(5, message.count)
            bytes.append(contentsOf: message)
            return
        }
        let datatype = tensor.datatype.rawValue
        let parameter = Self.contentTypes[tensor.request.contentType] ?? []
        let shape = Self.size(tensor.rows) + Self.size(tensor.columns)
        length(5, 2 + tensor.name.utf8.count + 2 + datatype.utf8.count + 2 + shape + parameter.count)
        string(1, tensor.name)
        string(2, datatype)
        length(3, shape)
        varint(tensor.rows)
        varint(tensor.columns)
        bytes.append(contentsOf: parameter)
    }

    /// The map's entry with a content type, as a field of an output.
    private static let contentTypes: [ContentType: [UInt8]] = {
        var all: [ContentType: [UInt8]] = [:]
        for type in [ContentType.np, .pd, .str] {
            var value = ResponseBytes()
            value.string(3, type.rawValue)
            var entry = ResponseBytes()
            entry.string(1, ContentType.parameter)
            entry.length(2, value.bytes.count)
            var field = ResponseBytes()
            field.length(4, entry.bytes.count + value.bytes.count)
            all[type] = field.bytes + entry.bytes + value.bytes
        }
        return all
    }()

    /// A string, which is left out if it is empty.
    private mutating func string(_ field: UInt8, _ string: String) {
        guard !string.isEmpty else { return }
        length(field, string.utf8.count)
        bytes.append(contentsOf: string.utf8)
    }

    /// What precedes a field that has a length.
    private mutating func length(_ field: UInt8, _ length: Int) {
        bytes.append(field << 3 | 2)
        varint(length)
    }

    private mutating func varint(_ value: Int) {
        var rest = UInt64(value)
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }

    /// The number of bytes of a varint.
    private static func size(_ value: Int) -> Int {
        max(1, (UInt64.bitWidth - UInt64(value).leadingZeroBitCount + 6) / 7)
    }
}
