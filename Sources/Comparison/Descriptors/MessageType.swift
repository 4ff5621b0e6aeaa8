/// A message type: what its fields are called and how their values are written. An object, as it is handed around for each
/// message that is compared.
final class MessageType: Sendable {
    /// The name with its package, without a dot before it: `prediction.v1.PredictResponse`.
    let name: String
    /// By number, without gaps or duplicates in the list.
    let fields: [FieldType]
    /// The number of oneofs. Those that stand for `optional` in proto3 are among them.
    let oneofs: Int
    /// Whether this is the type that protoc makes for a map's entries.
    let isMapEntry: Bool
    /// Where raw tensors are, if this is a response of the Open Inference Protocol.
    let tensors: TensorFields?

    init(name: String, fields: [FieldType], oneofs: Int, isMapEntry: Bool) {
        self.name = name
        self.fields = fields
        self.oneofs = oneofs
        self.isMapEntry = isMapEntry
        tensors = name == TensorFields.typeName ? TensorFields(fields) : nil
    }

    /// The field with a number.
    func field(_ number: UInt32) -> FieldType? {
        var (low, high) = (0, fields.count)
        while low < high {
            let middle = (low + high) / 2
            if fields[middle].number < number { low = middle + 1 } else { high = middle }
        }
        return low < fields.count && fields[low].number == number ? fields[low] : nil
    }
}

/// A field of a message type.
final class FieldType: Sendable {
    let number: UInt32
    let name: String
    let value: ValueType
    let isRepeated: Bool
    /// Whether an absent field differs from one with the default value. Messages always have presence.
    let hasPresence: Bool
    /// The oneof that it is a member of, by its place in the message type.
    let oneof: Int?

    init(number: UInt32, name: String, value: ValueType, isRepeated: Bool, hasPresence: Bool, oneof: Int?) {
        self.number = number
        self.name = name
        self.value = value
        self.isRepeated = isRepeated
        self.hasPresence = hasPresence
        self.oneof = oneof
    }

    /// Whether its value may be written like this. Parsers keep fields that are written otherwise as unknown ones.
    func accepts(_ type: WireType) -> Bool {
        switch value {
        case .scalar(_, let wire): type == wire || isRepeated && type == .delimited
        case .string, .bytes: type == .delimited
        // An edition's feature says which of the two is written; parsers read either.
        case .message: type == .delimited || type == .group
        }
    }
}

/// The type of a field's value.
enum ValueType: Sendable {
    case scalar(ScalarKind, WireType)
    case string
    case bytes
    /// A message or a group, by the place of its type among the descriptors'; `nil` if that isn't described.
    case message(Int?)
}

/// The numbers of the fields that hold raw tensors and say what they are.
///
/// Source: the Open Inference Protocol's `inference_grpc.md`, ModelInferResponse and "Raw Tensor Contents".
struct TensorFields: Sendable {
    /// The message type that has them.
    static let typeName = "inference.ModelInferResponse"
    /// `datatype`, in a tensor's description.
    static let datatype: UInt32 = 2
    /// The bytes of the longest name of a datatype, and one more.
    static let longestDatatype = 8

    /// `outputs`, the tensors' descriptions in their order.
    let outputs: UInt32
    /// `raw_output_contents`, their elements.
    let contents: UInt32

    /// - Returns: `nil` if the type, against its name, has no such fields.
    init?(_ fields: [FieldType]) {
        guard let outputs = fields.first(where: { $0.name == "outputs" && $0.isRepeated }),
            let contents = fields.first(where: { $0.name == "raw_output_contents" && $0.isRepeated }),
            case .message = outputs.value, case .bytes = contents.value
        else { return nil }
        self.outputs = outputs.number
        self.contents = contents.number
    }
}
