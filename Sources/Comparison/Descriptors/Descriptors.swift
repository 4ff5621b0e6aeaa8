/// What the messages of a service's methods look like: names and types of their fields, loaded once.
///
/// Everything is found by its place in a list, so that a type may have fields of its own type.
package struct Descriptors: Sendable {
    /// Message types.
    private(set) var types: [MessageType] = []
    /// The names of enums' values, by number.
    private(set) var enums: [[Int32: String]] = []
    /// The type of a method's responses, by the path of its calls.
    private var outputs: [String: Int] = [:]

    /// The most messages, fields, enum values and methods that a set may describe.
    package static let mostDefinitions = 200_000

    /// Knows nothing but the Open Inference Protocol's ModelInfer.
    package init() {
        addOpenInference()
    }

    /// Reads a serialized `google.protobuf.FileDescriptorSet`, as `protoc --descriptor_set_out --include_imports` and
    /// `buf build` write it, or put together from the answers of server reflection.
    ///
    /// Files may come in any order. A message type that isn't in the set leaves the fields that have it without a type. Of two
    /// definitions with one name the first counts. The source is protobuf's `descriptor.proto`.
    package init(fileDescriptorSet bytes: [UInt8]) throws(DescriptorError) {
        var reader = DescriptorReader()
        try reader.read(fileDescriptorSet: bytes)
        (types, enums) = (reader.resolvedTypes(), reader.enums)
        outputs = reader.resolvedOutputs()
        if outputs.isEmpty { throw .noMethods }
        addOpenInference()
    }

    /// The paths of the methods that are known, in no order.
    package var methods: some Collection<String> { outputs.keys }

    /// Whether a method's responses are known by their type.
    package func knows(_ method: String) -> Bool { outputs[method] != nil }

    /// The type of a method's responses.
    ///
    /// - Parameter method: the path of its calls, `/package.Service/Method`.
    func output(of method: String) -> Int? { outputs[method] }

    /// The name of an enum's value.
    func name(of value: Int32, in place: Int?) -> String? {
        place.flatMap { enums[$0][value] }
    }

    /// Describes ModelInfer unless the set has it: services of the Open Inference Protocol are known without a file.
    private mutating func addOpenInference() {
        guard outputs[OpenInference.method] == nil else { return }
        outputs[OpenInference.method] = types.count
        types += OpenInference.types(from: types.count)
    }
}

/// Why bytes can't be used as a `FileDescriptorSet`.
package enum DescriptorError: Error, Sendable, Equatable, CustomStringConvertible {
    /// They aren't a message of that type.
    case notADescriptorSet
    /// They describe more than ``Descriptors/mostDefinitions``, or nest it too deeply.
    case tooLarge
    /// They describe no method.
    case noMethods

    package var description: String {
        switch self {
        case .notADescriptorSet: "is no FileDescriptorSet"
        case .tooLarge: "describes more than \(Descriptors.mostDefinitions) fields, or messages nested too deep"
        case .noMethods: "describes no method of a service"
        }
    }
}
