import GRPCServer
import HTTP1
import HTTPTypes
import NIOCore

/// The compression of bodies over HTTP (RFC 9110, section 8.4): gzip, and deflate, which is zlib's format.
enum HTTPCoding {
    /// A request without its compression, or why there is none.
    enum Decoded {
        case request(Request)
        /// It is compressed by something unknown, or more than once.
        case unknown
        case tooLong
        case damaged(MessageCoding)
    }

    /// Bytes below which a body is sent as it is.
    private static let worthCompressing = 1024

    /// - Parameter most: the most bytes that the body may have in the end.
    static func decoded(_ request: Request, most: Int) -> Decoded {
        guard let name = request.headers[.contentEncoding]?.lowercased(), !name.isEmpty else {
            return .request(request)
        }
        guard let coding = MessageCoding(rawValue: name == "x-gzip" ? "gzip" : name) else { return .unknown }
        if coding == .identity { return .request(request) }
        do throws(MessageCoding.Flaw) {
            var plain = request
            plain.body = ByteBuffer(bytes: try coding.decompress(Array(request.body.readableBytesView), most: most))
            plain.head.headerFields[.contentEncoding] = nil
            return .request(plain)
        } catch .tooLong {
            return .tooLong
        } catch {
            return .damaged(coding)
        }
    }

    /// An answer as its client takes it.
    static func encoded(_ response: Response, for request: Request) -> Response {
        guard response.body.readableBytes >= worthCompressing,
            let coding = coding(acceptedBy: request.headers[.acceptEncoding] ?? "")
        else { return response }
        var compressed = response
        let body = coding.compress(Array(response.body.readableBytesView))
        compressed.body = ByteBuffer(bytes: body)
        compressed.headers[.contentEncoding] = coding.rawValue
        compressed.headers[.vary] = "Accept-Encoding"
        return compressed
    }

    /// The coding that a client likes best; nil if it takes none (RFC 9110, section 12.5.3).
    static func coding(acceptedBy field: String) -> MessageCoding? {
        var best: (coding: MessageCoding, weight: Double)?
        for item in field.lowercased().split(separator: ",") {
            let parts = item.split(separator: ";").map { $0.filter { $0 != " " && $0 != "\t" } }
            guard let name = parts.first, let coding = MessageCoding(rawValue: name), coding != .identity else {
                continue
            }
            let weight = parts.dropFirst().first { $0.hasPrefix("q=") }.map { Double($0.dropFirst(2)) ?? 0 } ?? 1
            if weight > 0, weight > best?.weight ?? 0 { best = (coding, weight) }
        }
        return best?.coding
    }
}
