/// The type of a tensor's elements, by the protocol's name for it.
enum Datatype: String, Sendable {
    // The raw values are compared in this order: first come those that most requests have.
    case fp64 = "FP64"
    case fp32 = "FP32"
    case int64 = "INT64"
    case int32 = "INT32"
    case bytes = "BYTES"
    case bool = "BOOL"
    case int8 = "INT8"
    case int16 = "INT16"
    case uint8 = "UINT8"
    case uint16 = "UINT16"
    case uint32 = "UINT32"
    case uint64 = "UINT64"
    case fp16 = "FP16"
    case bf16 = "BF16"

    /// The size of an element in bytes; nil of BYTES, whose elements have a size each.
    var size: Int? {
        switch self {
        case .bool, .int8, .uint8: 1
        case .int16, .uint16, .fp16, .bf16: 2
        case .int32, .uint32, .fp32: 4
        case .int64, .uint64, .fp64: 8
        case .bytes: nil
        }
    }
}
