/// An answer over HTTP/1.1.
package struct HTTPAnswer: Sendable, Equatable {
    package var status: Int
    /// Empty if it wasn't wanted.
    package var body: [UInt8]

    package init(status: Int, body: [UInt8] = []) {
        self.status = status
        self.body = body
    }
}

/// Reads the answer to a `GET` over HTTP/1.1 (RFC 9112): its status, and if it is wanted its body.
package struct HTTPAnswerReader {
    /// Why bytes are no answer.
    package enum Flaw: Error, Equatable, CustomStringConvertible {
        case notHTTP
        case tooLong(most: Int)
        /// The connection has ended before the answer has.
        case cutShort

        package var description: String {
            switch self {
            case .notHTTP: "the answer is not HTTP/1.1"
            case .tooLong(let most): "the answer has more than \(most) bytes"
            case .cutShort: "the connection was closed before an answer"
            }
        }
    }

    private let largestBody: Int?
    private var bytes: [UInt8] = []

    /// The most bytes before the end of a status line: more without one is not HTTP.
    private static let longestStatusLine = 1024
    /// The most bytes of a head.
    private static let longestHead = 16_384

    /// - Parameter largestBody: the most bytes of a body; `nil` if the status line is the whole answer.
    package init(largestBody: Int?) {
        self.largestBody = largestBody
    }

    /// Adds bytes.
    ///
    /// - Returns: the answer, as soon as it is complete.
    package mutating func answer(adding new: UnsafeRawBufferPointer) throws(Flaw) -> HTTPAnswer? {
        unsafe bytes += new
        return try read(atEnd: false)
    }

    /// The answer once nothing more comes.
    package func answerAtEnd() throws(Flaw) -> HTTPAnswer {
        guard let answer = try read(atEnd: true) else { throw .cutShort }
        return answer
    }

    private func read(atEnd: Bool) throws(Flaw) -> HTTPAnswer? {
        guard let end = bytes.firstIndex(of: UInt8(ascii: "\n")) else {
            guard bytes.count <= Self.longestStatusLine else { throw .notHTTP }
            return nil
        }
        let parts = String(decoding: bytes[..<end], as: UTF8.self).split { $0 == " " || $0.isNewline }
        guard let version = parts.first, version.hasPrefix("HTTP/1."), parts.count > 1, let status = Int(parts[1])
        else { throw .notHTTP }
        guard let largestBody else { return HTTPAnswer(status: status) }
        guard let (fields, rest) = try head(after: end + 1) else { return nil }
        if status == 204 || status == 304 { return HTTPAnswer(status: status) }
        guard let body = try body(rest, fields, most: largestBody, atEnd: atEnd) else { return nil }
        guard body.count <= largestBody else { throw .tooLong(most: largestBody) }
        return HTTPAnswer(status: status, body: body)
    }

    /// The fields by their names in lower case, and what follows the head; `nil` if it isn't complete.
    private func head(after start: Int) throws(Flaw) -> (fields: [String: String], rest: ArraySlice<UInt8>)? {
        var fields: [String: String] = [:]
        var rest = bytes[start...]
        while let line = Self.takeLine(&rest) {
            if line.isEmpty { return (fields, rest) }
            guard let colon = line.firstIndex(of: ":") else { throw .notHTTP }
            let value = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
            fields[line[..<colon].lowercased()] = value.lowercased()
        }
        guard bytes.count <= Self.longestHead else { throw .tooLong(most: Self.longestHead) }
        return nil
    }

    private func body(
        _ rest: ArraySlice<UInt8>, _ fields: [String: String], most: Int, atEnd: Bool
    ) throws(Flaw) -> [UInt8]? {
        if fields["transfer-encoding"]?.hasSuffix("chunked") == true { return try Self.chunks(rest, most: most) }
        if let text = fields["content-length"] {
            guard let length = Int(text), length >= 0 else { throw .notHTTP }
            guard length <= most else { throw .tooLong(most: most) }
            return rest.count >= length ? Array(rest.prefix(length)) : nil
        }
        guard rest.count <= most else { throw .tooLong(most: most) }
        return atEnd ? Array(rest) : nil
    }

    /// The content of all chunks; `nil` if the last one isn't there yet.
    private static func chunks(_ bytes: ArraySlice<UInt8>, most: Int) throws(Flaw) -> [UInt8]? {
        var (rest, body) = (bytes, [UInt8]())
        while let line = takeLine(&rest) {
            let digits = line.prefix { $0 != ";" && $0 != " " }
            guard digits.utf8.count <= 8, digits.first != "+", let size = Int(digits, radix: 16), size >= 0 else {
                throw .notHTTP
            }
            if size == 0 { return body }
            guard body.count + size <= most else { throw .tooLong(most: most) }
            guard rest.count > size else { return nil }
            body += rest.prefix(size)
            rest = rest.dropFirst(size)
            // The end of the line after a chunk may not be there yet.
            guard let end = takeLine(&rest) else { return nil }
            guard end.isEmpty else { throw .notHTTP }
        }
        guard rest.count <= longestStatusLine else { throw .notHTTP }
        return nil
    }

    /// Takes a line without its end; `nil` if there is no whole one.
    private static func takeLine(_ rest: inout ArraySlice<UInt8>) -> String? {
        guard let end = rest.firstIndex(of: UInt8(ascii: "\n")) else { return nil }
        var line = rest[..<end]
        rest = rest[(end + 1)...]
        if line.last == UInt8(ascii: "\r") { line.removeLast() }
        return String(decoding: line, as: UTF8.self)
    }
}
