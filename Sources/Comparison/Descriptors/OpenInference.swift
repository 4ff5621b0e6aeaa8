/// The response of the Open Inference Protocol's ModelInfer, version 2, as its `inference_grpc.md` has it.
enum OpenInference {
    static let method = "/inference.GRPCInferenceService/ModelInfer"

    /// The types of the response and of everything in it.
    ///
    /// - Parameter place: the place of the first of them, the response, among the descriptors' types.
    static func types(from place: Int) -> [MessageType] {
        let (parameter, output, contents) = (place + 1, place + 2, place + 3)
        let (responseEntry, outputEntry) = (place + 4, place + 5)
        return [
            MessageType(
                name: TensorFields.typeName,
                fields: [
                    field(1, "model_name", .string),
                    field(2, "model_version", .string),
                    field(3, "id", .string),
                    field(4, "parameters", .message(responseEntry), isRepeated: true),
                    field(5, "outputs", .message(output), isRepeated: true),
                    field(6, "raw_output_contents", .bytes, isRepeated: true),
                ], oneofs: 0, isMapEntry: false),
            MessageType(
                name: "inference.InferParameter",
                fields: [
                    field(1, "bool_param", .scalar(.bool, .varint), oneof: 0),
                    field(2, "int64_param", .scalar(.int64, .varint), oneof: 0),
                    field(3, "string_param", .string, oneof: 0),
                    field(4, "double_param", .scalar(.double, .fixed64), oneof: 0),
                    field(5, "uint64_param", .scalar(.uint64, .varint), oneof: 0),
                ], oneofs: 1, isMapEntry: false),
            MessageType(
                name: "inference.ModelInferResponse.InferOutputTensor",
                fields: [
                    field(1, "name", .string),
                    field(2, "datatype", .string),
                    field(3, "shape", .scalar(.int64, .varint), isRepeated: true),
                    field(4, "parameters", .message(outputEntry), isRepeated: true),
                    field(5, "contents", .message(contents)),
                ], oneofs: 0, isMapEntry: false),
            MessageType(
                name: "inference.InferTensorContents",
                fields: [
                    field(1, "bool_contents", .scalar(.bool, .varint), isRepeated: true),
                    field(2, "int_contents", .scalar(.int32, .varint), isRepeated: true),
                    field(3, "int64_contents", .scalar(.int64, .varint), isRepeated: true),
                    field(4, "uint_contents", .scalar(.uint32, .varint), isRepeated: true),
                    field(5, "uint64_contents", .scalar(.uint64, .varint), isRepeated: true),
                    field(6, "fp32_contents", .scalar(.float, .fixed32), isRepeated: true),
                    field(7, "fp64_contents", .scalar(.double, .fixed64), isRepeated: true),
                    field(8, "bytes_contents", .bytes, isRepeated: true),
                ], oneofs: 0, isMapEntry: false),
            entry("inference.ModelInferResponse.ParametersEntry", of: parameter),
            entry("inference.ModelInferResponse.InferOutputTensor.ParametersEntry", of: parameter),
        ]
    }

    private static func field(
        _ number: UInt32, _ name: String, _ value: ValueType, isRepeated: Bool = false, oneof: Int? = nil
    ) -> FieldType {
        FieldType(
            number: number, name: name, value: value, isRepeated: isRepeated, hasPresence: oneof != nil, oneof: oneof)
    }

    /// The type of the entries of a map from strings to parameters.
    private static func entry(_ name: String, of parameter: Int) -> MessageType {
        MessageType(
            name: name, fields: [field(1, "key", .string), field(2, "value", .message(parameter))], oneofs: 0,
            isMapEntry: true)
    }
}
