package import FoundationEssentials
internal import SwiftProtobuf

/// The files that declare a server's messages and services, found by their names and by what they declare.
package struct DescriptorIndex: Sendable {
    /// Files by their places in `closures`.
    private typealias Place = Int

    /// For each file the serialized `google.protobuf.FileDescriptorProto` of it and of every file that it needs, itself
    /// first, each once: what reflection answers.
    private let closures: [[Data]]
    private let byName: [String: Place]
    /// By the full names of messages, enums and services, and of what they contain.
    private var bySymbol: [String: Place] = [:]
    /// For each message, by its full name, the files of its extensions by their numbers.
    private var extensions: [String: [Int32: Place]] = [:]
    private var services: Set<String> = []

    /// - Parameter descriptors: serialized `FileDescriptorProto` messages. The same file may be there several times, as
    ///   each set of descriptors has what its files import.
    package init(_ descriptors: [[UInt8]]) throws(ReflectionService.Flaw) {
        var byName: [String: Place] = [:]
        var files: [(descriptor: Google_Protobuf_FileDescriptorProto, bytes: Data)] = []
        for (place, bytes) in descriptors.enumerated() {
            guard let descriptor = try? Google_Protobuf_FileDescriptorProto(serializedBytes: bytes) else {
                throw .unreadable(place)
            }
            if let known = byName[descriptor.name] {
                guard files[known].bytes.elementsEqual(bytes) else { throw .ambiguous(descriptor.name) }
                continue
            }
            byName[descriptor.name] = files.count
            files.append((descriptor, Data(bytes)))
        }
        closures = try files.indices.map { [byName, files] first throws(ReflectionService.Flaw) in
            var reached = [first]
            var next = 0
            while next < reached.count {
                let file = files[reached[next]].descriptor
                for dependency in file.dependency {
                    guard let place = byName[dependency] else { throw .incomplete(file.name, needs: dependency) }
                    if !reached.contains(place) { reached.append(place) }
                }
                next += 1
            }
            return reached.map { files[$0].bytes }
        }
        self.byName = byName
        for (place, file) in files.enumerated() { add(file.descriptor, place) }
    }

    // MARK: What is found

    /// A file with those that it needs; `nil` if no file has the name.
    package func files(named name: String) -> [Data]? { byName[name].map { closures[$0] } }

    /// The file that declares a symbol, with those that it needs; `nil` if none does.
    ///
    /// - Parameter symbol: a full name without a dot in front.
    package func files(declaring symbol: String) -> [Data]? { bySymbol[symbol].map { closures[$0] } }

    /// The file that declares an extension, with those that it needs; `nil` if none does.
    package func files(extending message: String, number: Int32) -> [Data]? {
        extensions[message]?[number].map { closures[$0] }
    }

    /// The numbers of a message's extensions, in order; `nil` if there is no such message.
    package func extensionNumbers(of message: String) -> [Int32]? { extensions[message]?.keys.sorted() }

    package func declares(service: String) -> Bool { services.contains(service) }

    // MARK: What is declared

    private mutating func add(_ file: Google_Protobuf_FileDescriptorProto, _ place: Place) {
        let scope = file.package
        for message in file.messageType { add(message, in: scope, place) }
        for type in file.enumType { add(type, in: scope, place) }
        for one in file.extension { add(one, in: scope, place) }
        for service in file.service {
            let name = add(service.name, in: scope, place)
            services.insert(name)
            for method in service.method { add(method.name, in: name, place) }
        }
    }

    private mutating func add(_ message: Google_Protobuf_DescriptorProto, in scope: String, _ place: Place) {
        let name = add(message.name, in: scope, place)
        if extensions[name] == nil { extensions[name] = [:] }
        for field in message.field { add(field.name, in: name, place) }
        for oneof in message.oneofDecl { add(oneof.name, in: name, place) }
        for nested in message.nestedType { add(nested, in: name, place) }
        for type in message.enumType { add(type, in: name, place) }
        for one in message.extension { add(one, in: name, place) }
    }

    /// An enum's values stand beside it, as in C++.
    private mutating func add(_ type: Google_Protobuf_EnumDescriptorProto, in scope: String, _ place: Place) {
        add(type.name, in: scope, place)
        for value in type.value { add(value.name, in: scope, place) }
    }

    private mutating func add(_ one: Google_Protobuf_FieldDescriptorProto, in scope: String, _ place: Place) {
        add(one.name, in: scope, place)
        // protoc writes full names, which begin with a dot.
        extensions[String(one.extendee.drop { $0 == "." }), default: [:]][one.number] = place
    }

    /// Adds a symbol.
    ///
    /// - Returns: its full name.
    @discardableResult
    private mutating func add(_ name: String, in scope: String, _ place: Place) -> String {
        let full = scope.isEmpty ? name : "\(scope).\(name)"
        if bySymbol[full] == nil { bySymbol[full] = place }
        return full
    }
}
