/// The descriptors of a server's services as server reflection tells them, question by question: which services there are, the
/// file of each, and the files that those need.
///
/// The messages are those of `grpc.reflection.v1.ServerReflection/ServerReflectionInfo`, which are the same in `v1alpha`
/// (https://github.com/grpc/grpc/blob/master/doc/server-reflection.md).
package struct DescriptorCollection {
    /// Why there is no descriptor set.
    package enum Flaw: Error, Equatable, CustomStringConvertible {
        /// An answer is no protobuf message, or none that is meant.
        case malformed
        /// The files have more than ``DescriptorCollection/mostBytes``, or there are more of them than allowed.
        case tooLarge
        /// The server has no list of its services.
        case noServices(String)
        /// The server lists services, and knows the file of none.
        case noFiles

        package var description: String {
            switch self {
            case .malformed: "an answer can't be read"
            case .tooLarge:
                "its files have more than \(DescriptorCollection.mostBytes >> 20) MiB, or there are more than "
                    + "\(DescriptorCollection.mostQuestions) of them"
            case .noServices(let reason): "it lists no service: \(reason)"
            case .noFiles: "it knows the file of none of its services"
            }
        }
    }

    private enum Question: Hashable {
        case services
        case symbol(String)
        case file(String)

        /// The `ServerReflectionRequest`.
        var message: [UInt8] {
            switch self {
            case .services: ProtobufText.field(7, "*")
            case .symbol(let name): ProtobufText.field(4, name)
            case .file(let name): ProtobufText.field(3, name)
            }
        }
    }

    /// The most bytes of all files together.
    package static let mostBytes = 8 << 20
    /// The most services and files that are asked for.
    package static let mostQuestions = 10_000
    /// The most questions without an answer.
    private static let mostUnderWay = 16

    private var waiting = [Question.services][...]
    /// In the order in which they will be answered.
    private var underWay: [Question] = []
    private var known: Set<Question> = [.services]
    /// Full names of services whose files are here.
    private var services: Set<String> = []
    private var names: Set<String> = []
    /// Why the server lists no service.
    private var refusal: String?
    /// A serialized `google.protobuf.FileDescriptorSet` of the files so far.
    private var set: [UInt8] = []

    package init() {}

    /// The message to send next; `nil` if an answer has to come first, or none is missing.
    package mutating func next() -> [UInt8]? {
        while underWay.count < Self.mostUnderWay, let question = waiting.popFirst() {
            // Many servers add to a file those that it needs, and a file may have several services.
            switch question {
            case .symbol(let name) where services.contains(name): continue
            case .file(let name) where names.contains(name): continue
            case .services, .symbol, .file: break
            }
            underWay.append(question)
            return question.message
        }
        return nil
    }

    /// Whether everything has been asked and answered.
    package var isComplete: Bool { underWay.isEmpty && waiting.isEmpty }

    /// Takes in a `ServerReflectionResponse`, the answer to the oldest question without one.
    package mutating func take(_ answer: [UInt8]) throws(Flaw) {
        guard !underWay.isEmpty else { throw .malformed }
        let question = underWay.removeFirst()
        do throws(ProtobufText.Malformed) {
            // What the server doesn't know is left out: types of such a file stay unknown, and nothing else.
            if let error = try ProtobufText.all(7, of: answer[...]).last {
                guard question == .services else { return }
                let reason = try ProtobufText.texts(2, of: error).last ?? "it says why not by a number alone"
                refusal = reason
                return
            }
            if question == .services {
                try takeServices(answer)
            } else {
                for files in try ProtobufText.all(4, of: answer[...]) {
                    for file in try ProtobufText.all(1, of: files) { try add(file) }
                }
            }
        } catch {
            throw .malformed
        }
        guard set.count <= Self.mostBytes, known.count <= Self.mostQuestions else { throw .tooLarge }
    }

    private mutating func takeServices(_ answer: [UInt8]) throws(ProtobufText.Malformed) {
        for list in try ProtobufText.all(6, of: answer[...]) {
            for service in try ProtobufText.all(1, of: list) {
                for name in try ProtobufText.texts(1, of: service) { ask(.symbol(name)) }
            }
        }
        if waiting.isEmpty { refusal = "the list is empty" }
    }

    private mutating func ask(_ question: Question) {
        if known.insert(question).inserted { waiting.append(question) }
    }

    /// Adds a `FileDescriptorProto`, unless it is here already.
    private mutating func add(_ file: ArraySlice<UInt8>) throws(ProtobufText.Malformed) {
        guard let name = try ProtobufText.texts(1, of: file).last else { throw ProtobufText.Malformed() }
        guard names.insert(name).inserted else { return }
        set += ProtobufText.field(1, file)
        let package = try ProtobufText.texts(2, of: file).last ?? ""
        for service in try ProtobufText.all(6, of: file) {
            guard let name = try ProtobufText.texts(1, of: service).last else { continue }
            services.insert(package.isEmpty ? name : "\(package).\(name)")
        }
        for dependency in try ProtobufText.texts(3, of: file) { ask(.file(dependency)) }
    }

    /// The bytes of a `google.protobuf.FileDescriptorSet` with all files, each once, once everything is answered.
    package func descriptorSet() throws(Flaw) -> [UInt8] {
        if let refusal { throw .noServices(refusal) }
        guard !set.isEmpty else { throw .noFiles }
        return set
    }
}
