/// Reads a `FileDescriptorSet` (protobuf's `descriptor.proto`, whose field numbers are the literals here).
struct DescriptorReader {
    private struct MessageDraft {
        var name = ""
        var fields: [FieldDraft] = []
        var oneofs = 0
        var isMapEntry = false
    }

    /// The names of enums' values, by number.
    private(set) var enums: [[Int32: String]] = []
    private var enumPlaces: [String: Int] = [:]
    private var drafts: [MessageDraft] = []
    private var draftPlaces: [String: Int] = [:]
    private var outputs: [(method: String, type: String)] = []
    private var definitions = 0
    private var bytes: [UInt8] = []

    /// Reads all files. What they define is linked by `resolvedTypes()` and `resolvedOutputs()`.
    mutating func read(fileDescriptorSet bytes: [UInt8]) throws(DescriptorError) {
        self.bytes = bytes
        for field in try fields(of: bytes.indices) where field.number == 1 { try readFile(field) }
    }

    /// The types of all messages, by their places; fields refer to them.
    func resolvedTypes() -> [MessageType] {
        drafts.map { draft in
            var numbers: Set<UInt32> = []
            let fields = draft.fields.filter { numbers.insert($0.number).inserted }
                .compactMap { $0.resolved(types: draftPlaces, enums: enumPlaces, oneofs: draft.oneofs) }
                .sorted { $0.number < $1.number }
            return MessageType(name: draft.name, fields: fields, oneofs: draft.oneofs, isMapEntry: draft.isMapEntry)
        }
    }

    /// The types of methods' responses, by the paths of their calls.
    func resolvedOutputs() -> [String: Int] {
        var result: [String: Int] = [:]
        for (method, type) in outputs where result[method] == nil { result[method] = draftPlaces[type] }
        return result
    }

    private mutating func readFile(_ field: WireField) throws(DescriptorError) {
        let file = try fields(of: field)
        let package = try text(file, 2)
        let prefix = package.isEmpty ? "" : package + "."
        // Of proto2, proto3 and editions, only proto3 has no presence unless something else says so.
        var hasPresence = try text(file, 12) != "proto3"
        for options in file where options.number == 8 { try override(&hasPresence, in: options, number: 50) }
        for field in file {
            switch field.number {
            case 4: try readMessage(field, prefix, hasPresence, depth: 0)
            case 5: try readEnum(field, prefix)
            case 6: try readService(field, prefix)
            default: break
            }
        }
    }

    private mutating func readMessage(
        _ field: WireField, _ prefix: String, _ hasPresence: Bool, depth: Int
    ) throws(DescriptorError) {
        guard depth < WireReader.mostNested else { throw .tooLarge }
        let message = try fields(of: field)
        var draft = MessageDraft(name: prefix + (try text(message, 1)))
        for options in message where options.number == 7 {
            for option in try fields(of: options) where option.number == 7 && !option.hasBytes {
                draft.isMapEntry = option.number64 != 0
            }
        }
        for field in message {
            switch field.number {
            case 2: draft.fields.append(try readField(field, hasPresence))
            case 3: try readMessage(field, draft.name + ".", hasPresence, depth: depth + 1)
            case 4: try readEnum(field, draft.name + ".")
            case 8: draft.oneofs += 1
            default: break
            }
        }
        try define()
        guard draftPlaces[draft.name] == nil else { return }
        draftPlaces[draft.name] = drafts.count
        drafts.append(draft)
    }

    private mutating func readField(_ field: WireField, _ hasPresence: Bool) throws(DescriptorError) -> FieldDraft {
        try define()
        let parts = try fields(of: field)
        var field = FieldDraft(name: try text(parts, 1), typeName: try text(parts, 6), hasPresence: hasPresence)
        for part in parts {
            switch (part.number, part.hasBytes) {
            case (3, false): field.number = UInt32(truncatingIfNeeded: part.number64)
            case (4, false): field.label = part.number64
            case (5, false): field.type = part.number64
            case (9, false): field.oneof = Int(UInt32(truncatingIfNeeded: part.number64))
            case (8, true): try override(&field.hasPresence, in: part, number: 21)
            default: break
            }
        }
        return field
    }

    /// Takes over `FeatureSet.field_presence`, of which 2 is IMPLICIT, where the options of a file or field of an edition
    /// have it.
    private func override(_ hasPresence: inout Bool, in options: WireField, number: UInt32) throws(DescriptorError) {
        for option in try fields(of: options) where option.number == number {
            for feature in try fields(of: option) where feature.number == 1 && !feature.hasBytes {
                hasPresence = feature.number64 != 2
            }
        }
    }

    private mutating func readEnum(_ field: WireField, _ prefix: String) throws(DescriptorError) {
        let parts = try fields(of: field)
        let name = prefix + (try text(parts, 1))
        var names: [Int32: String] = [:]
        for part in parts where part.number == 2 {
            try define()
            let value = try fields(of: part)
            let number = value.last { $0.number == 2 && !$0.hasBytes }.map { Int32(truncatingIfNeeded: $0.number64) }
            // Several names may be allowed for one number: the first counts.
            if names[number ?? 0] == nil { names[number ?? 0] = try text(value, 1) }
        }
        try define()
        guard enumPlaces[name] == nil else { return }
        enumPlaces[name] = enums.count
        enums.append(names)
    }

    private mutating func readService(_ field: WireField, _ prefix: String) throws(DescriptorError) {
        let service = try fields(of: field)
        let name = prefix + (try text(service, 1))
        for part in service where part.number == 2 {
            try define()
            let method = try fields(of: part)
            outputs.append(("/\(name)/\(try text(method, 1))", FieldDraft.bare(try text(method, 3))))
        }
    }

    private mutating func define() throws(DescriptorError) {
        definitions += 1
        if definitions > Descriptors.mostDefinitions { throw .tooLarge }
    }

    private func fields(of message: WireField) throws(DescriptorError) -> [WireField] {
        guard message.type == .delimited else { throw .notADescriptorSet }
        return try fields(of: message.bytes)
    }

    private func fields(of range: Range<Int>) throws(DescriptorError) -> [WireField] {
        // The closure keeps the bytes in place while they are read.
        try unsafe bytes.withUnsafeBufferPointer { (bytes) throws(DescriptorError) in
            var reader = unsafe WireReader(BorrowedBytes(bytes), range)
            var fields: [WireField] = []
            while let field = reader.next() {
                guard fields.count < Descriptors.mostDefinitions else { throw .tooLarge }
                fields.append(field)
            }
            guard !reader.isMalformed else { throw .notADescriptorSet }
            return fields
        }
    }

    /// The last value of a string field; empty if there is none.
    private func text(_ fields: [WireField], _ number: UInt32) throws(DescriptorError) -> String {
        guard let field = fields.last(where: { $0.number == number }) else { return "" }
        guard field.type == .delimited, let text = String(validating: bytes[field.bytes], as: UTF8.self) else {
            throw .notADescriptorSet
        }
        return text
    }
}
